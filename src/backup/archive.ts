/** Reading the backup file from front to back, once. Whatever is wrong with it becomes a StartupError. */

import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar'
import { z } from 'zod'
import { errnoOf } from '../model/errno.ts'
import { StartupError } from '../model/startup-error.ts'
import {
  AnyManifest,
  Checksums,
  checksumName,
  contentTypeKeyword,
  formatVersion,
  Manifest,
  manifestName,
  objectOfEntry,
  partName,
} from './format.ts'

/** Something that was read whole, with its SHA-256 in hex. */
export interface Hashed<T> {
  readonly value: T
  readonly sha256: string
}

/** An object in the file. */
export interface ArchivedObject {
  readonly name: string
  readonly size: number
  readonly contentType: string
  readonly body: AsyncIterable<Uint8Array>
}

/** Larger than the manifest of a million databases; a damaged size must not exhaust the memory. */
const maxTextBytes = 512 * 1024 ** 2

/** A backup file being read. Its parts must be asked for in the file's order. */
export class BackupArchive {
  readonly #entries: AsyncIterator<ParsedTarEntry>
  #next: ParsedTarEntry | undefined

  constructor(gzipped: AsyncIterable<Uint8Array>) {
    const decoded = gunzipped(gzipped).pipeThrough(createTarDecoder({ strict: true }))
    this.#entries = decoded[Symbol.asyncIterator]()
  }

  /** @throws StartupError when this is not a backup, or one of a newer Hearth. */
  async manifest(): Promise<Hashed<Manifest>> {
    const { value, sha256 } = await this.#text(manifestName)
    const any = AnyManifest.safeParse(value)
    if (!any.success) throw new StartupError('This is not a backup made by hearth backup.')
    const { format, hearth } = any.data
    if (format > formatVersion) {
      throw new StartupError(
        `The backup has format ${format}, made by Hearth ${hearth}; this Hearth reads up to format ${formatVersion}. ` +
          'Restore it with that version or a newer one.',
      )
    }
    return { value: checked(Manifest, value, manifestName), sha256 }
  }

  /** The bytes of a table's parts; returns their SHA-256. */
  async *table(name: string): AsyncGenerator<Uint8Array, string> {
    const hash = createHash('sha256')
    for (let number = 1; (await this.#peek())?.header.name === partName(name, number); number++) {
      for await (const chunk of this.#body()) {
        hash.update(chunk)
        yield chunk
      }
    }
    return hash.digest('hex')
  }

  /** The objects; each one's bytes must be read before the next is asked for. */
  async *objects(): AsyncGenerator<ArchivedObject> {
    for (;;) {
      const header = (await this.#peek())?.header
      const name = header && objectOfEntry(header.name)
      if (header === undefined || name === undefined || name === '') return
      const contentType = header.pax?.[contentTypeKeyword] ?? 'application/octet-stream'
      yield { name, size: header.size, contentType, body: this.#body() }
    }
  }

  /** The checksums, which end the file. */
  async checksums(): Promise<Checksums> {
    const { value } = await this.#text(checksumName)
    const more = await this.#peek()
    if (more) throw unexpected(more.header.name, 'the end')
    return checked(Checksums, value, checksumName)
  }

  /** Stops reading. */
  async close(): Promise<void> {
    await this.#entries.return?.()
  }

  async #text(name: string): Promise<Hashed<unknown>> {
    const found = await this.#peek()
    if (found?.header.name !== name) throw unexpected(found?.header.name, name)
    if (found.header.size > maxTextBytes) throw new StartupError(`The backup is damaged: ${name} is too large.`)
    const hash = createHash('sha256')
    const chunks: Uint8Array[] = []
    for await (const chunk of this.#body()) {
      hash.update(chunk)
      chunks.push(chunk)
    }
    try {
      return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')), sha256: hash.digest('hex') }
    } catch (error) {
      throw damaged(error)
    }
  }

  async #peek(): Promise<ParsedTarEntry | undefined> {
    try {
      this.#next ??= (await this.#entries.next()).value
      return this.#next
    } catch (error) {
      throw damaged(error)
    }
  }

  async *#body(): AsyncGenerator<Uint8Array> {
    const entry = await this.#peek()
    this.#next = undefined
    try {
      if (entry) yield* entry.body
    } catch (error) {
      throw damaged(error)
    }
  }
}

/** The decompressed bytes. Ending them early ends the source too. */
function gunzipped(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const gunzip = createGunzip()
  // Errors come out of the other end of the stream.
  pipeline(source, gunzip).catch(() => {})
  return Readable.toWeb(gunzip) as unknown as ReadableStream<Uint8Array>
}

function checked<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new StartupError(`The backup is damaged: ${name} is not as it should be (${z.prettifyError(parsed.error)}).`)
}

function unexpected(found: string | undefined, wanted: string): StartupError {
  if (wanted === manifestName) return new StartupError('This is not a backup made by hearth backup.')
  return new StartupError(`The backup is damaged: it has ${found ?? 'its end'} where ${wanted} should be.`)
}

function damaged(error: unknown): unknown {
  if (error instanceof StartupError) return error
  const code = errnoOf(error)
  const reason =
    code === 'Z_BUF_ERROR'
      ? 'it ends too early'
      : code === 'Z_DATA_ERROR'
        ? 'some of its bytes are not those that were written'
        : error instanceof Error
          ? error.message || code
          : String(error)
  return new StartupError(`The backup is damaged, or no backup at all: ${reason}.`, { cause: error })
}
