/**
 * Stores a stream. What fits into one part is sent in one request with its md5 in the metadata; more goes as a multipart
 * upload, which nobody sees before it is completed. The note about the md5 is written before that, for the ETag that the
 * completed object will have: an object without it is never seen, and completing is the one step that replaces an object.
 */
import { createHash } from 'node:crypto'
import type { PutOptions, ReceivedObject } from '../contract.ts'
import type { Checksums } from './checksums.ts'
import { joinedEtag, minPartBytes, newPartSender, partBytesOf } from './parts.ts'
import type { Part, S3 } from './s3.ts'

/** The first block when the size is not known: most objects are small. */
const firstBlockBytes = 64 * 1024

export interface Stored extends ReceivedObject {
  readonly modifiedMs: number
}

/** Stores `body` under `key`. */
export async function upload(
  { s3, checksums }: { readonly s3: S3; readonly checksums: Checksums },
  key: string,
  body: AsyncIterable<Uint8Array>,
  { contentType, size: expected, accept }: PutOptions & { readonly contentType: string },
): Promise<Stored> {
  const hash = createHash('md5')
  const headers = { 'content-type': contentType }
  let block = Buffer.allocUnsafeSlow(Math.min(expected || firstBlockBytes, minPartBytes))
  let filled = 0
  let size = 0
  let part = 1
  let running: { readonly id: string; readonly sender: ReturnType<typeof newPartSender> } | undefined

  /** Makes room in the block: a larger one, or an empty one when this one is a whole part. */
  async function makeRoom(): Promise<void> {
    const partBytes = partBytesOf(part, expected)
    if (block.length < partBytes) {
      const larger = Buffer.allocUnsafeSlow(Math.min(block.length * 4, partBytes))
      block.copy(larger, 0, 0, filled)
      block = larger
      return
    }
    if (running === undefined) {
      const id = await s3.startUpload(key, headers)
      running = { id, sender: newPartSender(s3, key, id) }
    }
    hash.update(block)
    block = await running.sender.send(block, filled, partBytesOf(++part, expected))
    filled = 0
  }

  try {
    for await (const chunk of body) {
      for (let taken = 0; taken < chunk.length; ) {
        if (filled === block.length) await makeRoom()
        const some = chunk.subarray(taken, taken + block.length - filled)
        block.set(some, filled)
        filled += some.length
        taken += some.length
      }
      size += chunk.length
    }
    const rest = block.subarray(0, filled)
    const md5 = hash.update(rest).digest('base64')
    if (running === undefined) {
      accept?.({ size, md5 })
      const told = { ...headers, 'content-md5': md5, 'x-amz-meta-md5': md5 }
      return { size, md5, modifiedMs: await s3.put(key, rest, told) }
    }
    const parts = await running.sender.finish(block, filled)
    accept?.({ size, md5 })
    await complete({ s3, checksums }, key, running.id, parts, md5)
    return { size, md5, modifiedMs: Date.now() }
  } catch (error) {
    if (running !== undefined) {
      await running.sender.settled()
      // What cannot be undone now is swept later.
      await s3.abortUpload(key, running.id).catch(() => {})
    }
    throw error
  }
}

async function complete(
  { s3, checksums }: { readonly s3: S3; readonly checksums: Checksums },
  key: string,
  uploadId: string,
  parts: readonly Part[],
  md5: string,
): Promise<void> {
  const expected = joinedEtag(parts)
  await checksums.note(key, expected, md5)
  try {
    const etag = await s3.completeUpload(key, uploadId, parts)
    // Servers that encrypt make ETags in a way of their own.
    if (etag !== expected) await checksums.note(key, etag, md5)
  } catch (error) {
    // The answer may have been lost on its way.
    const head = await s3.head(key).catch(() => undefined)
    if (head?.etag !== expected) throw error
  }
}
