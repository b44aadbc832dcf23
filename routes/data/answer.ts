/** How the data API answers a write. */
import type { PreparedDocument } from '../../src/documents/document.ts'
import type { WriteOutcome } from '../../src/documents/service.ts'
import { jsonText, revisionTag } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'
import { documentConflict, frameworkProblem, missingDocument } from './errors.ts'

/** The answer to a written document: CouchDB's members, the type and the document as it is now. */
export function sendWritten(
  c: HttpContext,
  status: 200 | 201,
  type: string,
  written: { readonly id: string; readonly rev: string; readonly text?: string },
  { body, deleted }: PreparedDocument,
): Response {
  const id = JSON.stringify(written.id)
  const rev = JSON.stringify(written.rev)
  const special = `"_id":${id},"_rev":${rev},"_type":${JSON.stringify(type)}${deleted ? ',"_deleted":true' : ''}`
  const { text: stored = body.text } = written
  const members = stored.length > 2 ? `,${stored.slice(1)}` : '}'
  const data = `{${special}${members}`
  const text = `{"ok":true,"id":${id},"type":${JSON.stringify(type)},"rev":${rev},"data":${data}}`
  return jsonText(c, status, text, { etag: revisionTag(written.rev) })
}

export interface Written {
  readonly id: string
  readonly rev: string
  /** As in `WriteOutcome`. */
  readonly text?: string
}

/** The id and revision of a write that worked; throws what the data API answers for every other outcome. */
export function written(type: string, outcome: WriteOutcome): Written {
  switch (outcome.kind) {
    case 'ok':
      return outcome
    case 'conflict':
      throw documentConflict()
    case 'forbidden':
      throw frameworkProblem('forbidden', outcome.reason)
    default:
      throw missingDocument(type, outcome.id, outcome.kind)
  }
}
