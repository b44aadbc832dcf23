import { z } from '@hono/zod-openapi'
import type { ReadOptions } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { parseRevision } from '../../src/model/revision.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { exactlyTrue, textParameter } from './parameters.ts'

/** How one document is to be read. */
export interface ReadQuery {
  readonly options: ReadOptions
  /** Answer an array of revisions instead of one document. */
  readonly openRevs: 'all' | readonly RevisionId[] | undefined
  /** False when the body depends on more than the revision, so that it must carry no ETag. */
  readonly tagged: boolean
  readonly include: string | undefined
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
    attachments: exactlyTrue().describe('true: attachments with their content'),
    att_encoding_info: textParameter().describe('Accepted: attachments that are kept packed say so anyway'),
    atts_since: textParameter().describe('JSON array of revisions: contents of attachments that are newer than these'),
    include: textParameter().describe('credentials: the secrets of an account, for applications and under /data only'),
    open_revs: textParameter().describe('all, or a JSON array of revisions: answer an array of these'),
  })
  .transform((asked): ReadQuery => {
    const revsInfo = asked.revs_info || asked.meta
    const conflicts = asked.conflicts || asked.meta
    const deletedConflicts = asked.deleted_conflicts || asked.meta
    const openRevs = asked.open_revs === undefined ? undefined : parseOpenRevs(asked.open_revs)
    const attachmentsSince = asked.atts_since === undefined ? undefined : parseRevisions('atts_since', asked.atts_since)
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
        attachments: asked.attachments,
        attachmentsSince,
      },
      openRevs,
      include: asked.include,
      tagged: !(
        revsInfo ||
        conflicts ||
        deletedConflicts ||
        asked.local_seq ||
        asked.attachments ||
        attachmentsSince !== undefined ||
        openRevs !== undefined
      ),
    }
  })

function parseOpenRevs(text: string): 'all' | readonly RevisionId[] {
  return text === 'all' ? 'all' : parseRevisions('open_revs', text)
}

function parseRevisions(name: 'open_revs' | 'atts_since', text: string): readonly RevisionId[] {
  const list = parseJson(text).value
  if (Array.isArray(list)) return list.map(parseRevision)
  const allowed = name === 'open_revs' ? 'all or a JSON array' : 'a JSON array'
  throw new Problem('bad_request', `\`${name}\` must be ${allowed} of revisions.`)
}
