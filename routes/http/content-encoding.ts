/** `Content-Encoding` of requests (RFC 9110, section 8.4): gzip is unpacked while it arrives, others are refused. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Problem } from '../../src/model/errors.ts'
import { incomingChunks } from './incoming.ts'
import { type HttpContext, header } from './router.ts'

/** How the body of a request is packed. Throws `bad_content_type` (415) for what is neither gzip nor nothing. */
export function contentEncoding(c: HttpContext): 'gzip' | 'identity' {
  const named = header(c, 'content-encoding')?.trim().toLowerCase() || 'identity'
  if (named === 'gzip' || named === 'x-gzip') return 'gzip'
  if (named === 'identity') return named
  throw new Problem('bad_content_type', 'Only gzip and identity content-encodings are supported', {
    headers: { 'accept-encoding': 'gzip, identity' },
  })
}

/** The body as it was before it was packed, only as fast as it is asked for. Throws `bad_request` when it is not gzip. */
export function decodedBytes(c: HttpContext): AsyncIterable<Uint8Array> {
  return contentEncoding(c) === 'gzip' ? unpacked(incomingChunks(c)) : incomingChunks(c)
}

/** Unpacks gzip. Throws `bad_request` when it is not, or cut short, and what the packed bytes throw. */
export async function* unpacked(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  // Errors come out of the other end of the stream.
  pipeline(Readable.from(packed, { objectMode: false }), gunzip).catch(() => {})
  try {
    yield* gunzip
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw new Problem('bad_request', 'The request body is not valid gzip', { cause })
  }
}
