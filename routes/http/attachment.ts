/** Attachments over HTTP as both faces speak them: the body of a PUT, the answer to a GET. */

import { Readable } from 'node:stream'
import { z } from '@hono/zod-openapi'
import type { Upload } from '../../src/attachments/contents.ts'
import type { ExtractOptions } from '../../src/attachments/extract.ts'
import { inflated } from '../../src/attachments/gzip.ts'
import { hasMarks } from '../../src/attachments/inline.ts'
import type { AttachmentRead, BulkOptions, Documents } from '../../src/documents/service.ts'
import { keptContentType } from '../../src/model/content-type.ts'
import { Problem } from '../../src/model/errors.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { jsonText, notModified } from './answer.ts'
import { rangeOf } from './byte-range.ts'
import { unchanged } from './conditional.ts'
import { acceptsGzip, contentEncoding } from './content-encoding.ts'
import { incomingBytes } from './incoming.ts'
import { sendMultipart, wantsMultipart } from './multipart-answer.ts'
import { textParameter } from './parameters.ts'
import { type HttpContext, header, headerReader } from './router.ts'
import { streamJson } from './stream.ts'

export const attachmentQuery = z.object({ rev: textParameter().describe('The revision read, instead of the winner') })

export const attachmentWritten = z
  .object({ ok: z.boolean(), id: z.string(), rev: z.string() })
  .describe('The new revision of the document')

export const attachmentHeaders = {
  'If-None-Match': 'Answer 304 when the content is still this one',
  Range: 'A part of the content, in bytes',
} as const

export const uploadHeaders = {
  'If-Match': 'The revision that the client read, instead of rev',
  'Content-Type': 'Kept with the attachment',
  'Content-MD5': 'Checked, when it is given',
} as const

/**
 * The content and its type as a request brings it. What comes as gzip stays so, its Content-MD5 being that of the packed
 * bytes (RFC 1864). Throws `bad_content_type` for other encodings.
 */
export function uploadOf(c: HttpContext): Omit<Upload, 'name'> & { readonly contentType: string } {
  const encoding = contentEncoding(c)
  const length = header(c, 'content-length')
  return {
    contentType: header(c, 'content-type') ?? 'application/octet-stream',
    length: length === undefined ? undefined : Number(length),
    md5: header(c, 'content-md5'),
    encoding: encoding === 'gzip' ? encoding : undefined,
    body: incomingBytes(c),
  }
}

type Found = Extract<AttachmentRead, { readonly kind: 'found' }>

/**
 * Sends an attachment, or the part of it that `Range` names. `read` is called again when its content disappeared, because a
 * newer revision took its place and the old one was compacted.
 */
export async function sendAttachment(
  c: HttpContext,
  documents: Pick<Documents, 'openContent'>,
  ref: DatabaseRef,
  read: () => Promise<Found>,
): Promise<Response> {
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const answer = await send(c, documents, ref, await read())
    if (answer) return answer
  }
  throw new Error('the content of an attachment is not in the object store')
}

async function send(
  c: HttpContext,
  documents: Pick<Documents, 'openContent'>,
  ref: DatabaseRef,
  { attachment }: Found,
): Promise<Response | undefined> {
  const { contentType, digest, length } = attachment
  const etag = `"${digest}"`
  if (unchanged(headerReader(c), { etag })) return notModified({ etag })
  const headers: Record<string, string> = {
    etag,
    'content-type': keptContentType(contentType),
    'accept-ranges': 'bytes',
    'cache-control': 'must-revalidate',
    // Attachments must never run as a page of this server.
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  }
  if (attachment.encoding !== undefined) return sendPacked(c, documents, ref, attachment, headers)
  const ifRange = header(c, 'if-range')
  const range = rangeOf(ifRange === undefined || ifRange.trim() === etag ? header(c, 'range') : undefined, length)
  if (range.kind === 'unsatisfiable') {
    const headers = { 'content-range': `bytes */${length}` }
    throw new Problem('requested_range_not_satisfiable', 'Requested range not satisfiable', { headers })
  }
  const part = range.kind === 'part' ? range : undefined
  if (part) headers['content-range'] = `bytes ${part.start}-${part.end}/${length}`
  else headers['content-md5'] = digest
  headers['content-length'] = `${part ? part.end - part.start + 1 : length}`
  const status = part ? 206 : 200
  if (c.req.raw.method === 'HEAD') return new Response(null, { status, headers })
  const body = await documents.openContent(ref, attachment, part)
  return body && new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>, { status, headers })
}

/**
 * A content that is kept packed: as it is to who takes that, else unpacked, whose length nobody knows. Neither is sent in
 * parts, as CouchDB does.
 */
async function sendPacked(
  c: HttpContext,
  documents: Pick<Documents, 'openContent'>,
  ref: DatabaseRef,
  attachment: Found['attachment'],
  common: Record<string, string>,
): Promise<Response | undefined> {
  const headers: Record<string, string> = { ...common, 'accept-ranges': 'none', vary: 'Accept-Encoding' }
  const asKept = acceptsGzip(c)
  if (asKept) {
    headers['content-encoding'] = 'gzip'
    headers['content-length'] = `${attachment.length}`
    headers['content-md5'] = attachment.digest
  }
  if (c.req.raw.method === 'HEAD') return new Response(null, { status: 200, headers })
  const kept = await documents.openContent(ref, attachment)
  if (!kept) return undefined
  const body = asKept ? kept : Readable.toWeb(Readable.from(inflated(kept), { objectMode: false }))
  return new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>, { status: 200, headers })
}

export type Receive = ExtractOptions['receive']

/** Stores contents that are taken out of a body while it arrives. */
export function receiving(
  documents: Pick<Documents, 'receiveContent'>,
  ref: DatabaseRef,
  options: BulkOptions,
): Receive {
  return (name, body) => documents.receiveContent(ref, { name, body }, options)
}

/** Replaces marks by contents; `undefined` where they were not asked for, and there are no marks. */
export type Filling = ((texts: AsyncIterable<string>) => AsyncIterable<string>) | undefined

export function filling(documents: Pick<Documents, 'withContents'>, ref: DatabaseRef, asked = false): Filling {
  return asked ? (texts) => documents.withContents(ref, texts) : undefined
}

/**
 * Sends a document, or several, read with `attachments`: contents in their places, piece by piece, or behind the one
 * document where the client accepts nothing else.
 */
export function sendWithContents(
  c: HttpContext,
  documents: Pick<Documents, 'openContent' | 'withContents'>,
  ref: DatabaseRef,
  text: string,
): Promise<Response> | Response {
  if (wantsMultipart(c)) {
    const multipart = sendMultipart(c, documents, ref, text)
    if (multipart) return multipart
  }
  return hasMarks(text) ? streamJson(c, '', documents.withContents(ref, only(text)), '') : jsonText(c, 200, text)
}

async function* only(text: string): AsyncGenerator<string> {
  yield text
}
