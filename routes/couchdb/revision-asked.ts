import { formatRevision, parseRevision } from '../../src/documents/revision.ts'
import { Problem } from '../../src/errors.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'

/** The places where a client may name the revision that it read. */
export interface RevisionPlaces {
  readonly body?: RevisionId | undefined
  /** `?rev=`. */
  readonly query?: string | undefined
  /** `If-Match`, quoted or not. Empty counts as absent. */
  readonly ifMatch?: string | undefined
}

/** The one revision that all given places agree on. Throws `bad_request` when one is malformed or they differ. */
export function revisionAsked({ body, query, ifMatch }: RevisionPlaces): RevisionId | undefined {
  const asked = parse(query)
  const tag = parse(ifMatch?.trim().replace(/^"|"$/g, ''))
  if (differ(body, asked)) {
    throw new Problem('bad_request', 'Document rev from request body and query string have different values')
  }
  if (differ(body ?? asked, tag)) throw new Problem('bad_request', 'Document rev and etag have different values')
  return body ?? asked ?? tag
}

function parse(text: string | undefined): RevisionId | undefined {
  return text === undefined || text === '' ? undefined : parseRevision(text)
}

function differ(a: RevisionId | undefined, b: RevisionId | undefined): boolean {
  return a !== undefined && b !== undefined && formatRevision(a) !== formatRevision(b)
}
