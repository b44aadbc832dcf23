/** The revision that a client read before it writes: in `If-Match`, in the query string or in the document. */

import { Problem } from '../../src/model/errors.ts'
import { parseRevision, sameRevision } from '../../src/model/revision.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { type HttpContext, header } from './router.ts'

/** The value of `If-Match` without quotes; `undefined` when it is absent or empty. Weak tags count as strong ones. */
export function ifMatch(c: HttpContext): string | undefined {
  const value = header(c, 'if-match')?.trim()
  return value?.replace(/^(?:W\/)?"(.*)"$/, '$1') || undefined
}

/** The places whose revisions do not agree. */
export type RevisionPlace = 'body' | 'query' | 'header'

/** Words a disagreement between two places as CouchDB does. */
function couchdbMismatch(one: RevisionPlace): Problem {
  const reason =
    one === 'query'
      ? 'Document rev from request body and query string have different values'
      : 'Document rev and etag have different values'
  return new Problem('bad_request', reason)
}

/**
 * The one revision that the document's `_rev`, `?rev=` and `If-Match` agree on; empty ones count as absent. Throws
 * `bad_request` when one is malformed, and what `mismatch` makes of the first place that differs from those before it.
 */
export function revisionAsked(
  c: HttpContext,
  places: { readonly body?: RevisionId | undefined; readonly query: string | undefined },
  mismatch: (place: RevisionPlace) => Problem = couchdbMismatch,
): RevisionId | undefined {
  const query = parsedRevision(places.query)
  const tag = parsedRevision(ifMatch(c))
  if (differ(places.body, query)) throw mismatch('query')
  const rev = places.body ?? query
  if (differ(rev, tag)) throw mismatch('header')
  return rev ?? tag
}

/** `?rev=` of a route that considers nothing else. Empty counts as absent; throws `bad_request` when it is malformed. */
export function parsedRevision(text: string | undefined): RevisionId | undefined {
  return text === undefined || text === '' ? undefined : parseRevision(text)
}

function differ(a: RevisionId | undefined, b: RevisionId | undefined): boolean {
  return a !== undefined && b !== undefined && !sameRevision(a, b)
}
