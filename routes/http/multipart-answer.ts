/** A document with the contents of its attachments behind it, `multipart/related`, as CouchDB sends it to who asks so. */
import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { followingText, markedContents } from '../../src/attachments/inline.ts'
import type { Documents } from '../../src/documents/service.ts'
import { keptContentType } from '../../src/model/content-type.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { type HttpContext, header } from './router.ts'

/** Whether the client takes a multipart answer, and nothing that is JSON. */
export function wantsMultipart(c: HttpContext): boolean {
  const accept = header(c, 'accept') ?? ''
  return accept.includes('multipart/related') && !/application\/json|\*\/\*/.test(accept)
}

/** Sends a document read with its attachments, the contents behind it; `undefined` when there are none. */
export function sendMultipart(
  c: HttpContext,
  documents: Pick<Documents, 'openContent'>,
  ref: DatabaseRef,
  text: string,
): Response | undefined {
  const contents = markedContents(text)
  if (contents.length === 0) return undefined
  const boundary = randomUUID().replaceAll('-', '')
  const json = followingText(text)
  const heads = contents.map(({ name, contentType, length }) =>
    [
      `\r\n--${boundary}`,
      `Content-Disposition: attachment; filename="${quotedName(name)}"`,
      `Content-Type: ${keptContentType(contentType)}`,
      `Content-Length: ${length}`,
      '\r\n',
    ].join('\r\n'),
  )
  const first = `--${boundary}\r\nContent-Type: application/json\r\n\r\n${json}`
  const last = `\r\n--${boundary}--`
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(first)
    for (const [at, content] of contents.entries()) {
      yield Buffer.from(heads[at] ?? '')
      const bytes = await documents.openContent(ref, content)
      // The answer has begun: it is cut, and the client asks again.
      if (!bytes) throw new Error('an attachment was deleted while it was sent')
      yield* bytes
    }
    yield Buffer.from(last)
  }
  const size = [first, ...heads, last].reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
  const length = contents.reduce((sum, content) => sum + content.length, size)
  const headers = {
    'content-type': `multipart/related; boundary="${boundary}"`,
    'content-length': `${length}`,
    'cache-control': 'must-revalidate',
  }
  const isHead = c.req.raw.method === 'HEAD'
  return new Response(isHead ? null : (Readable.toWeb(Readable.from(pieces())) as unknown as ReadableStream), {
    headers,
  })
}

/** A name as it may stand between quotes. */
export function quotedName(name: string): string {
  return name.replaceAll(/["\r\n]/g, (found) => encodeURIComponent(found))
}
