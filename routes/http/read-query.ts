import { z } from '@hono/zod-openapi'
import { parseRevision } from '../../src/documents/revision.ts'
import type { ReadOptions } from '../../src/documents/service.ts'
import { Problem } from '../../src/errors.ts'
import { parseJson } from '../../src/json/exact.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { exactlyTrue, textParameter } from './parameters.ts'

/** How one document is to be read (documents 1.5). */
export interface ReadQuery {
  readonly options: ReadOptions
  /** Answer an array of revisions instead of one document. */
  readonly openRevs: 'all' | readonly RevisionId[] | undefined
  /** False when the body depends on more than the revision, so that it must carry no ETag (documents 0.8). */
  readonly tagged: boolean
}

/** The query of `GET document`. Throws `bad_request` for a malformed revision. */
export const readQuery = z
  .object({
    rev: textParameter().describe('This revision instead of the winner'),
    revs: exactlyTrue().describe('true: add _revisions'),
    revs_info: exactlyTrue().describe('true: add _revs_info'),
    conflicts: exactlyTrue().describe('true: add _conflicts'),
    deleted_conflicts: exactlyTrue().describe('true: add _deleted_conflicts'),
    meta: exactlyTrue().describe('true: revs_info, conflicts and deleted_conflicts'),
    local_seq: exactlyTrue().describe('true: add _local_seq'),
    latest: exactlyTrue().describe('true: the leaves that descend from the revisions asked for'),
    open_revs: textParameter().describe('all, or a JSON array of revisions: answer an array of these'),
  })
  .transform((asked): ReadQuery => {
    const revsInfo = asked.revs_info || asked.meta
    const conflicts = asked.conflicts || asked.meta
    const deletedConflicts = asked.deleted_conflicts || asked.meta
    const openRevs = asked.open_revs === undefined ? undefined : parseOpenRevs(asked.open_revs)
    const rev = asked.rev === undefined || asked.rev === '' ? undefined : parseRevision(asked.rev)
    return {
      options: {
        rev,
        latest: asked.latest,
        revs: asked.revs,
        revsInfo,
        conflicts,
        deletedConflicts,
        localSeq: asked.local_seq,
      },
      openRevs,
      tagged: !(revsInfo || conflicts || deletedConflicts || asked.local_seq || openRevs !== undefined),
    }
  })

function parseOpenRevs(text: string): 'all' | readonly RevisionId[] {
  if (text === 'all') return 'all'
  const list = parseJson(text).value
  if (!Array.isArray(list)) throw new Problem('bad_request', '`open_revs` must be all or a JSON array of revisions.')
  return list.map(parseRevision)
}
