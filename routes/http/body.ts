/** Reading request bodies: counted while they arrive, so that a body over the limit never fills the memory. */
import type { IncomingMessage } from 'node:http'
import { LimitedBytesTransformStream, toBytes } from '@std/streams'
import { type ExtractOptions, extractContents, type ReceivedContents } from '../../src/attachments/extract.ts'
import { Problem } from '../../src/model/errors.ts'
import { decodeText, type ParsedJson, parseJson } from '../../src/model/json/exact.ts'
import { streamFrom } from '../../src/platform/stream-from.ts'
import { contentEncoding, decodedBytes } from './content-encoding.ts'
import { type HttpContext, header } from './router.ts'

export interface BodyLimit {
  /** Bytes of the body, after decompression. */
  readonly maxBytes: number
}

/**
 * Reads and parses a JSON body. Throws `too_large` (413) above the limit and `bad_request` (400) with CouchDB's wording
 * when it is empty, not UTF-8 or not JSON. The Content-Type is ignored.
 */
export async function readJson(c: HttpContext, limit: BodyLimit): Promise<ParsedJson> {
  return parseJson(await readText(c, limit))
}

/** The same for a body that may be left out: `undefined` when it is empty. */
export async function readOptionalJson(c: HttpContext, limit: BodyLimit): Promise<ParsedJson | undefined> {
  const text = await readText(c, limit)
  return text.trim() === '' ? undefined : parseJson(text)
}

/** The body as text. Same errors as `readJson`, apart from those about JSON. */
export async function readText(c: HttpContext, limit: BodyLimit): Promise<string> {
  const declared = header(c, 'content-length')
  if (declared !== undefined && Number(declared) > limit.maxBytes) throw tooLarge(limit)
  const incoming = c.env?.incoming
  const isPlain = incoming !== undefined && contentEncoding(c) === 'identity'
  return decodeText(await (isPlain ? readIncoming(incoming, limit) : readStream(decodedBytes(c), limit)))
}

/** One or several documents whose long contents are already stored. */
export interface DocumentsJson extends ParsedJson {
  readonly received: ReceivedContents
}

/** Bodies up to this length are read whole, including contents. Bytes. */
const smallBody = 256 * 1024

/** The longest body of documents, including contents; as CouchDB's `max_http_request_size`. Bytes. */
const largestBody = 4 * 1024 ** 3

/**
 * The same as `readJson` for documents: long contents of attachments are handed to `receive` while they arrive, and do not
 * count for the limit.
 */
export async function readDocuments(c: HttpContext, options: ExtractOptions): Promise<DocumentsJson> {
  const declared = Number(header(c, 'content-length') ?? Number.POSITIVE_INFINITY)
  if (declared <= smallBody && contentEncoding(c) === 'identity') {
    return { ...(await readJson(c, options)), received: new Map() }
  }
  if (Number.isFinite(declared) && declared > largestBody) throw tooLarge({ maxBytes: largestBody })
  try {
    const { bytes, received } = await extractContents(decodedBytes(c), options)
    return { ...parseJson(decodeText(bytes)), received }
  } catch (error) {
    await swallowRest(c.env?.incoming)
    throw error
  }
}

const swallowedBytes = 32 * 1024 ** 2
const swallowedMs = 1_000

/** Reads and discards what a refused client still sends, within limits: some clients read no answer before they have sent everything. */
async function swallowRest(incoming: IncomingMessage | undefined): Promise<void> {
  if (incoming === undefined || incoming.readableEnded || incoming.destroyed) return
  let left = swallowedBytes
  const { promise: over, resolve: stop } = Promise.withResolvers<void>()
  const timer = setTimeout(stop, swallowedMs)
  const drop = (chunk: Buffer) => {
    left -= chunk.length
    if (left <= 0) stop()
  }
  incoming.removeAllListeners('readable')
  incoming.on('data', drop).once('end', stop).once('close', stop)
  incoming.resume()
  await over
  clearTimeout(timer)
  incoming.off('data', drop)
}

/** Node's own events: they take about half the time of a web stream over the same socket. */
function readIncoming(incoming: IncomingMessage, limit: BodyLimit): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit.maxBytes) chunks.push(chunk)
      else {
        chunks.length = 0
        reject(tooLarge(limit))
      }
    })
    incoming.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
    incoming.on('error', (cause) => reject(new Problem('bad_request', 'The request body was cut short.', { cause })))
    incoming.on('close', () => reject(new Problem('bad_request', 'The request body was cut short.')))
  })
}

/** All bytes, from either kind of stream. */
async function readStream(chunks: AsyncIterable<Uint8Array>, limit: BodyLimit): Promise<Uint8Array> {
  const limited = new LimitedBytesTransformStream(limit.maxBytes, { error: true })
  try {
    return await toBytes(streamFrom(chunks).pipeThrough(limited))
  } catch (error) {
    throw error instanceof RangeError ? tooLarge(limit) : error
  }
}

function tooLarge(limit: BodyLimit): Problem {
  return new Problem('too_large', `The request body is larger than ${limit.maxBytes} bytes.`)
}
