/** Writes incoming bytes to a file and hashes them while the disk writes. */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { ReceivedObject } from '../contract.ts'
import { disk } from './failures.ts'

/** Size of one write. Larger ones are not faster. */
const blockBytes = 1024 * 1024
/** Most objects are small and need no large block. */
const firstBlockBytes = 64 * 1024
/** Synced while more is arriving, so that the wait at the end is short. */
const syncEveryBytes = 32 * 1024 * 1024

/**
 * Receives `body` into the file that `open` makes, ends it with what `seal` gives, and puts it on disk. Failures of the
 * body and of `seal` pass unchanged. The file stays open: it is the caller's. `toDisk` false: the system writes it when it
 * likes.
 */
export async function receive(
  body: AsyncIterable<Uint8Array>,
  open: () => Promise<FileHandle>,
  seal: (received: ReceivedObject) => Uint8Array,
  toDisk = true,
): Promise<ReceivedObject> {
  const hash = createHash('md5')
  let block = Buffer.allocUnsafe(firstBlockBytes)
  let spare: Buffer<ArrayBuffer> | undefined
  let filled = 0
  let size = 0
  let position = 0
  let syncedTo = 0
  let file: FileHandle | undefined
  let writing: Promise<void> = Promise.resolve()
  let syncing: Promise<void> = Promise.resolve()

  async function flush(): Promise<void> {
    await writing
    const bytes = block.subarray(0, filled)
    file ??= await disk(open())
    writing = disk(writeAll(file, bytes, position))
    writing.catch(() => {})
    hash.update(bytes)
    position += filled
    filled = 0
    const next = spare ?? Buffer.allocUnsafe(blockBytes)
    spare = block.length === blockBytes ? block : undefined
    block = next
    if (!toDisk || position - syncedTo < syncEveryBytes) return
    await syncing
    syncedTo = position
    syncing = disk(file.datasync())
    syncing.catch(() => {})
  }

  try {
    for await (const chunk of body) {
      for (let taken = 0; taken < chunk.length; ) {
        if (filled === block.length) await flush()
        const part = chunk.subarray(taken, taken + block.length - filled)
        block.set(part, filled)
        filled += part.length
        taken += part.length
      }
      size += chunk.length
    }
    const rest = block.subarray(0, filled)
    const received = { size, md5: hash.update(rest).digest('base64') }
    const end = Buffer.concat([rest, seal(received)])
    await writing
    file ??= await disk(open())
    await disk(writeAll(file, end, position))
    await syncing
    if (toDisk) await disk(file.sync())
    return received
  } finally {
    // The file may be closed only when no operation on it is pending.
    await Promise.allSettled([writing, syncing])
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}
