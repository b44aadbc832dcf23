/** Sends bytes as the parts of one upload, a few at the same time, from blocks that are reused. */
import { createHash } from 'node:crypto'
import type { Part, S3 } from './s3.ts'

/**
 * The smallest part that S3 takes. Larger ones, or more on their way at the same time, are no faster, and take memory:
 * there are at most three blocks of this size for an upload, and what the runtime makes of them.
 */
export const minPartBytes = 5 * 1024 * 1024
const maxParts = 10_000
/** Sent while the next one is being filled. */
const atOnce = 1

/** The length of a part. When the size is unknown the parts grow, so that their number suffices for 300 GB. */
export function partBytesOf(part: number, size: number | undefined): number {
  if (size === undefined) return minPartBytes * 2 ** Math.floor((part - 1) / 2_000)
  return Math.max(minPartBytes, Math.ceil(size / maxParts))
}

export interface PartSender {
  /** Takes a full block and returns an empty one of at least `bytes`. Waits while enough parts are being sent. */
  send(block: Buffer<ArrayBuffer>, filled: number, bytes: number): Promise<Buffer<ArrayBuffer>>
  /** Sends the last one, waits for all, and returns them in order. */
  finish(block: Buffer<ArrayBuffer>, filled: number): Promise<Part[]>
  /** Waits until no part is being sent any more. */
  settled(): Promise<void>
}

/** Sends the parts of one upload. */
export function newPartSender(s3: S3, key: string, uploadId: string): PartSender {
  const parts: Promise<Part>[] = []
  const running = new Set<Promise<unknown>>()
  const idle: Buffer<ArrayBuffer>[] = []
  let failure: { readonly error: unknown } | undefined

  function start(block: Buffer<ArrayBuffer>, filled: number): void {
    const part = s3.uploadPart(key, uploadId, parts.length + 1, block.subarray(0, filled))
    parts.push(part)
    const sent = () => void idle.push(block)
    const failed = (error: unknown) => {
      failure ??= { error }
    }
    const ended = part.then(sent, failed).finally(() => running.delete(ended))
    running.add(ended)
  }

  return {
    async send(block, filled, bytes) {
      start(block, filled)
      while (running.size > atOnce) await Promise.race(running)
      if (failure !== undefined) throw failure.error
      const free = idle.pop()
      return free !== undefined && free.length >= bytes ? free : Buffer.allocUnsafeSlow(bytes)
    },
    async finish(block, filled) {
      start(block, filled)
      return Promise.all(parts)
    },
    async settled() {
      await Promise.allSettled(parts)
    },
  }
}

/** The ETag that S3 gives an object made of these parts. */
export function joinedEtag(parts: readonly Part[]): string {
  const hash = createHash('md5')
  for (const { etag } of parts) hash.update(Buffer.from(etag, 'hex'))
  return `${hash.digest('hex')}-${parts.length}`
}
