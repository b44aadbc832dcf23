/**
 * A document and its attachments in one `multipart/related` body, as CouchDB's replicator and nano send them: the document
 * first, then the contents in the order of its members, or by the name that a part gives.
 */
import { LimitedBytesTransformStream, toBytes } from '@std/streams'
import type { FollowingAttachment, SentAttachment } from '../../src/attachments/parse.ts'
import type { PreparedDocument } from '../../src/documents/document.ts'
import type { Documents } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { decodeText, type ParsedJson, parseJson } from '../../src/model/json/exact.ts'
import { streamFrom } from '../../src/platform/stream-from.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { decodedBytes, unpacked } from './content-encoding.ts'
import { multipartBoundary, multipartParts, type Part } from './multipart.ts'
import { quotedName } from './multipart-answer.ts'
import { type HttpContext, header } from './router.ts'

export interface MultipartDocument {
  readonly json: ParsedJson
  /** The contents, to be received when it is known that they are welcome. */
  readonly parts: AsyncIterator<Part>
}

/** The document of a multipart body; `undefined` when the body is of another type. `maxBytes` is of its JSON. */
export async function multipartDocument(c: HttpContext, maxBytes: number): Promise<MultipartDocument | undefined> {
  const boundary = multipartBoundary(header(c, 'content-type'))
  if (boundary === undefined) return undefined
  const parts = multipartParts(decodedBytes(c), boundary)
  const first = await parts.next()
  if (first.done === true) throw new Problem('bad_request', 'The multipart body holds no document.')
  const limited = new LimitedBytesTransformStream(maxBytes, { error: true })
  try {
    const bytes = await toBytes(streamFrom(first.value.body).pipeThrough(limited))
    return { json: parseJson(decodeText(bytes)), parts }
  } catch (error) {
    throw error instanceof RangeError
      ? new Problem('too_large', `The document is larger than ${maxBytes} bytes.`)
      : error
  }
}

/**
 * Stores the contents that follow. The document that is given back names them. Throws `bad_request` when there are fewer
 * of them than the document says, and what storing one throws.
 */
export async function receiveParts(
  documents: Pick<Documents, 'receiveContent'>,
  ref: DatabaseRef,
  document: PreparedDocument,
  parts: AsyncIterator<Part>,
  options: { readonly create: boolean },
): Promise<PreparedDocument> {
  const received = new Map<string, SentAttachment>()
  const waiting = (document.attachments ?? []).filter((attachment) => attachment.kind === 'follows')
  while (waiting.length > 0) {
    const next = await parts.next()
    if (next.done === true) throw new Problem('bad_request', `The content of ${waiting[0]?.name} did not follow.`)
    const [attachment] = waiting.splice(placeOf(next.value, waiting), 1)
    if (!attachment) continue
    const { name, revpos, contentType } = attachment
    const content = await documents.receiveContent(ref, { name, ...bytesOf(attachment, next.value) }, options)
    received.set(name, { kind: 'received', name, revpos, contentType, content })
  }
  // The end of the body, so that the client has sent it all when the answer comes.
  while ((await parts.next()).done !== true);
  const attachments = document.attachments?.map((attachment) => received.get(attachment.name) ?? attachment)
  return { ...document, attachments }
}

/** Which of the attachments a part is: the one that it names, else the next one. */
function placeOf({ headers }: Part, waiting: readonly FollowingAttachment[]): number {
  const [, name] = /filename="([^"]*)"/.exec(headers.get('content-disposition') ?? '') ?? []
  return Math.max(
    0,
    waiting.findIndex((attachment) => quotedName(attachment.name) === name),
  )
}

/** The bytes as they are stored: those that came compressed are not counted before they are unpacked. */
function bytesOf({ length, gzipped }: FollowingAttachment, { body }: Part) {
  if (!gzipped) return { length, body }
  return { body: unpacked(body) }
}
