import { formatLocalRevision, type PreparedLocal, parseLocalRevision } from '../../src/documents/local-document.ts'
import { Problem } from '../../src/model/errors.ts'
import { ifMatch } from './if-match.ts'
import type { HttpContext } from './router.ts'

/**
 * The local document with the revision from its body, `?rev=` or `If-Match`; empty ones count as absent. Throws
 * `bad_request` when one is not a `0-N` or they differ.
 */
export function withRevision<Local extends Pick<PreparedLocal, 'n'>>(
  c: HttpContext,
  local: Local,
  queryRev: string | undefined,
): Local {
  const named = [queryRev, ifMatch(c)].filter((text) => text !== undefined && text !== '').map(parseLocalRevision)
  const all = local.n === undefined ? named : [local.n, ...named]
  const [n] = all
  const other = all.find((one) => one !== n)
  if (n !== undefined && other !== undefined) {
    throw new Problem(
      'bad_request',
      `Two revisions were given: ${formatLocalRevision(n)} and ${formatLocalRevision(other)}`,
    )
  }
  return { ...local, n }
}

/** What a DELETE stands for. */
export function removalOf(id: string): PreparedLocal {
  return { id, n: undefined, deleted: true, type: undefined, text: '{}' }
}

/** What CouchDB answers to every method on an attachment of a local document. */
export function noLocalAttachments(): Problem {
  return new Problem('bad_request', '_local documents do not accept attachments.')
}
