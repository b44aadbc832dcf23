/** gzip for clients that ask: small bodies never, medium ones in one go, large ones while they are sent. */
import { gzipSync } from 'node:zlib'
import { type HttpContext, header } from './router.ts'

/** Characters: below, headers cost more than compression saves. */
const worthwhile = 2_000
/** Characters: above, compressing in one go would delay other requests for too long. */
const atOnce = 200_000

const encoded = { 'content-encoding': 'gzip', vary: 'Accept-Encoding' } as const

export interface Compressed {
  readonly body: BodyInit
  readonly headers: Readonly<Record<string, string>>
}

/** The text compressed; `undefined` when it is to be sent as it is. */
export function compressText(c: HttpContext, text: string): Compressed | undefined {
  if (text.length < worthwhile || !acceptsGzip(c)) return undefined
  if (text.length > atOnce) return compressStream(c, new Blob([text]).stream())
  return { body: gzipSync(text, { level: 1 }), headers: encoded }
}

/** The stream compressed; `undefined` when it is to be sent as it is. */
export function compressStream(c: HttpContext, stream: ReadableStream<Uint8Array>): Compressed | undefined {
  if (!acceptsGzip(c)) return undefined
  return { body: stream.pipeThrough(new CompressionStream('gzip') as ByteTransform), headers: encoded }
}

/** The library types a compressing stream too narrowly for streams of its own. */
type ByteTransform = ReadableWritablePair<Uint8Array, Uint8Array>

function acceptsGzip(c: HttpContext): boolean {
  const accepted = header(c, 'accept-encoding')
  return accepted !== undefined && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*(?:,|$)))/i.test(accepted)
}
