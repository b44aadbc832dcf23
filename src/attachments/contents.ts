/**
 * The contents of attachments: bytes in the object store, entered in the ledger before the first of them is put, so that
 * a crash leaves nothing that would never be deleted.
 */
import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { AttachmentLedger, Content, DatabaseRef } from '../../storage/documents/contract.ts'
import type { ByteRange, ObjectStore } from '../../storage/objects/contract.ts'
import { Problem } from '../model/errors.ts'
import { checkedGzip } from './gzip.ts'

/** The longest time from the last activity of an upload to its document. */
const leaseMs = 3_600_000
/** Contents of one request that are uploaded at the same time. */
const width = 4

export interface ContentsOptions {
  readonly ledger: AttachmentLedger
  readonly objects: Pick<ObjectStore, 'put' | 'get' | 'stat'>
  /** Bytes of one attachment. */
  readonly maxBytes: number
  /** Shorter in tests. */
  readonly leaseMs?: number | undefined
}

/** Bytes that come. */
export interface Upload {
  /** Of the attachment, for error messages. */
  readonly name: string
  readonly body: AsyncIterable<Uint8Array>
  /** Where it is known; it is checked. */
  readonly length?: number | undefined
  /** In base64, where the client told it; it is checked. */
  readonly md5?: string | undefined
  /** The bytes are packed and stay so; it is checked. */
  readonly encoding?: 'gzip' | undefined
}

export class Contents {
  readonly #ledger: AttachmentLedger
  readonly #objects: ContentsOptions['objects']
  readonly #maxBytes: number
  readonly #leaseMs: number

  constructor(options: ContentsOptions) {
    this.#ledger = options.ledger
    this.#objects = options.objects
    this.#maxBytes = options.maxBytes
    this.#leaseMs = options.leaseMs ?? leaseMs
  }

  /**
   * Stores content and takes a lease on it. Throws `attachment_too_large` with the name as reason, `bad_request` when
   * there are more or fewer bytes than announced, `content_md5_mismatch`, and what `body` throws; `no_database` before a
   * byte is read.
   */
  async put(ref: DatabaseRef, upload: Upload): Promise<Content> {
    const { name, length, md5 } = upload
    if (length !== undefined && length > this.#maxBytes) throw tooLarge(name)
    const object = `attachments/${ref.prefix}/${randomUUID()}`
    await this.#ledger.lease(ref, object, this.#leaseMs)
    const renewal = setInterval(() => this.#ledger.renew(ref, object, this.#leaseMs).catch(() => {}), this.#leaseMs / 4)
    try {
      const stored = await this.#objects.put(object, this.#bounded(upload), {
        size: length,
        accept: (received) => {
          if (length !== undefined && received.size !== length) throw wrongLength(name)
          if (md5 !== undefined && received.md5 !== md5) {
            throw new Problem('content_md5_mismatch', 'Possible message corruption.')
          }
        },
      })
      const content = { digest: stored.md5, length: stored.size }
      await this.#isThere(ref, content)
      if (await this.#ledger.commit(ref, object, content, this.#leaseMs)) return content
    } catch (error) {
      // Without it the lease only ends later.
      await this.#ledger.renew(ref, object, 0).catch(() => {})
      throw error
    } finally {
      clearInterval(renewal)
    }
    // Its lease ended during the upload: the process was suspended for longer, or the database was dropped.
    throw new Problem('store_unavailable', 'The attachment could not be kept; try again.')
  }

  /** Stores contents that are in memory, if they are not stored yet. */
  async putAll(ref: DatabaseRef, parts: readonly ContentAtHand[]): Promise<void> {
    const distinct = [...new Map(parts.map((part) => [`${part.content.digest} ${part.content.length}`, part])).values()]
    for (const { name, content } of distinct) if (content.length > this.#maxBytes) throw tooLarge(name)
    const held = await this.hold(
      ref,
      distinct.map(({ content }) => content),
    )
    const missing: ContentAtHand[] = []
    for (const [at, part] of distinct.entries()) {
      if (!held[at] || !(await this.#isThere(ref, part.content))) missing.push(part)
    }
    for (let at = 0; at < missing.length; at += width) {
      await Promise.all(missing.slice(at, at + width).map((part) => this.put(ref, uploadOf(part))))
    }
  }

  /** Takes leases on contents that a document is about to name. Tells for each whether it is stored. */
  hold(ref: DatabaseRef, contents: readonly Content[]): Promise<readonly boolean[]> {
    return this.#ledger.hold(ref, contents, this.#leaseMs)
  }

  /** The bytes, or a part of them; `undefined` when they are not stored (any more). */
  async open(
    ref: DatabaseRef,
    content: Content,
    range?: ByteRange,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | undefined> {
    const object = await this.#ledger.find(ref, content)
    const found = object === undefined ? undefined : await this.#objects.get(object, range)
    return found?.body
  }

  /**
   * Whether the object that should hold some content exists. If not, after a restore for example, it is no longer listed:
   * uploading the content again repairs the documents that name it.
   */
  async #isThere(ref: DatabaseRef, content: Content): Promise<boolean> {
    const object = await this.#ledger.find(ref, content)
    if (object === undefined) return false
    const stat = await this.#objects.stat(object)
    if (stat?.size === content.length) return true
    await this.#ledger.disown(ref, object)
    return false
  }

  async *#bounded({ name, body, length = this.#maxBytes, encoding }: Upload): AsyncGenerator<Uint8Array> {
    let size = 0
    for await (const chunk of encoding === undefined ? body : checkedGzip(body, name, this.#maxBytes)) {
      size += chunk.length
      if (size > this.#maxBytes) throw tooLarge(name)
      if (size > length) throw wrongLength(name)
      yield chunk
    }
  }
}

interface ContentAtHand {
  readonly name: string
  readonly data: Uint8Array
  readonly content: Content
}

function uploadOf({ name, data, content }: ContentAtHand): Upload {
  return { name, length: data.length, md5: content.digest, body: chunks(data) }
}

async function* chunks(data: Uint8Array): AsyncGenerator<Uint8Array> {
  if (data.length > 0) yield Buffer.from(data.buffer, data.byteOffset, data.length)
}

function tooLarge(name: string): Problem {
  return new Problem('attachment_too_large', name)
}

function wrongLength(name: string): Problem {
  return new Problem('bad_request', `Attachment ${name} is longer or shorter than announced.`)
}
