import { parseRevision } from '../../src/documents/revision.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { segment } from '../http/path.ts'
import { Query } from '../http/query.ts'
import { bareProblem, requestProblem } from './errors.ts'

/**
 * Reads a `Destination` header: an id, percent-encoded or not, perhaps followed by `?rev=`. Only design documents may
 * be written this way, since the route asks for nothing but GET (documents 1.22).
 */
export function designDestination(destination: string | undefined): {
  readonly id: string
  readonly rev?: RevisionId | undefined
} {
  if (destination === undefined || destination === '') {
    throw bareProblem('bad_request', 'You must set a Destination header')
  }
  const [rawId = '', rawQuery = ''] = destination.split('?', 2)
  const id = segment(rawId)
  if (!/^_design\/./.test(id)) throw requestProblem('The Destination of a design document must start with _design/')
  const rev = Query.parse(rawQuery).last('rev')
  return rev === undefined ? { id } : { id, rev: parseRevision(rev) }
}
