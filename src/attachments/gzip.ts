/**
 * Contents that a client sent packed with gzip. They are kept as they came, as CouchDB keeps them, and known by the digest
 * and the length of the packed bytes; who does not take gzip gets them unpacked.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, type Gunzip } from 'node:zlib'
import { Problem } from '../model/errors.ts'

/** The bytes unpacked, only as fast as they are asked for. Ends with an error when they are not gzip. */
export async function* inflated(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  // Errors come out of the other end of the stream.
  pipeline(Readable.from(packed, { objectMode: false }), gunzip).catch(() => {})
  yield* gunzip
}

/**
 * The same bytes, read to their end as gzip on the way. Throws `bad_request` when they are not, and
 * `attachment_too_large` with the name as reason when they unpack to more than `maxBytes`.
 */
export async function* checkedGzip(
  packed: AsyncIterable<Uint8Array>,
  name: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  const read = (async () => {
    let size = 0
    for await (const chunk of gunzip) {
      size += (chunk as Uint8Array).length
      if (size > maxBytes) throw new Problem('attachment_too_large', name)
    }
  })()
  // It is awaited below; until then nobody else looks at it.
  read.catch(() => {})
  try {
    for await (const chunk of packed) {
      // A source may free a chunk when the next one is asked for: it is unpacked by then. Padding behind the end is not.
      if (!gunzip.destroyed) await Promise.race([written(gunzip, chunk).catch(() => read), read])
      yield chunk
    }
    gunzip.end()
    await read
  } catch (cause) {
    if (cause instanceof Problem || !isZlibError(cause)) throw cause
    throw new Problem('bad_request', `The content of attachment ${name} is not valid gzip`, { cause })
  } finally {
    gunzip.destroy()
  }
}

function written(gunzip: Gunzip, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => gunzip.write(chunk, (error) => (error ? reject(error) : resolve())))
}

function isZlibError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('Z_')
}
