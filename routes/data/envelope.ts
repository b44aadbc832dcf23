import type { PreparedDocument } from '../../src/documents/document.ts'
import { jsonText, revisionTag } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'

/** The answer to a written document: CouchDB's members, the type and the document as it is now (documents 1.6). */
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
