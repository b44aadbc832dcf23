/** `Content-Encoding` of requests (RFC 9110, section 8.4): gzip is unpacked while it arrives, others are refused. */
import { inflated } from '../../src/attachments/gzip.ts'
import { Problem } from '../../src/model/errors.ts'
import { incomingChunks } from './incoming.ts'
import { type HttpContext, header } from './router.ts'

/** The encoding of a request's body. Throws `bad_content_type` (415) for anything but gzip or none. */
export function contentEncoding(c: HttpContext): 'gzip' | 'identity' {
  const named = header(c, 'content-encoding')?.trim().toLowerCase() || 'identity'
  if (named === 'gzip' || named === 'x-gzip') return 'gzip'
  if (named === 'identity') return named
  throw new Problem('bad_content_type', 'Only gzip and identity content-encodings are supported', {
    headers: { 'accept-encoding': 'gzip, identity' },
  })
}

/** The decompressed body, only as fast as it is read. Throws `bad_request` when it is not gzip. */
export function decodedBytes(c: HttpContext): AsyncIterable<Uint8Array> {
  return contentEncoding(c) === 'gzip' ? unpacked(incomingChunks(c)) : incomingChunks(c)
}

/** Unpacks gzip. Throws `bad_request` when it is not, or cut short, and what the packed bytes throw. */
export async function* unpacked(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* inflated(packed)
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw new Problem('bad_request', 'The request body is not valid gzip', { cause })
  }
}

/** Whether the client takes an answer that is packed with gzip (RFC 9110, section 12.5.3). */
export function acceptsGzip(c: HttpContext): boolean {
  const weights = new Map<string, number>()
  for (const part of (header(c, 'accept-encoding') ?? '').toLowerCase().split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((text) => text.trim())
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
    weights.set(coding, weight === undefined ? 1 : Number(weight))
  }
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0
}
