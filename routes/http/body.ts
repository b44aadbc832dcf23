/** Reading request bodies: counted while they arrive, so that a body over the limit never fills the memory. */
import type { IncomingMessage } from 'node:http'
import { Problem } from '../../src/model/errors.ts'
import { decodeText, type ParsedJson, parseJson } from '../../src/model/json/exact.ts'
import { type HttpContext, header } from './router.ts'

export interface BodyLimit {
  /** Bytes of the body as sent. */
  readonly maxBytes: number
}

/**
 * Reads and parses a JSON body. Throws `too_large` (413) above the limit and `bad_request` (400) with CouchDB's wording
 * when it is empty, no UTF-8 or no JSON. The Content-Type is not looked at.
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
  const bytes = incoming === undefined ? await readStream(c.req.raw.body, limit) : await readIncoming(incoming, limit)
  return decodeText(bytes)
}

/** Node's own events: about half the time of a web stream over the same socket. */
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

async function readStream(stream: ReadableStream<Uint8Array> | null, limit: BodyLimit): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream ?? []) {
    size += chunk.length
    if (size > limit.maxBytes) throw tooLarge(limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(limit: BodyLimit): Problem {
  return new Problem('too_large', `The request body is larger than ${limit.maxBytes} bytes.`)
}
