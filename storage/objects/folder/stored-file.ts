/** An object's file, opened for reading: its description and its bytes. */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { defaultContentType } from '../../../src/model/content-type.ts'
import { Problem } from '../../../src/model/errors.ts'
import type { ByteRange } from '../contract.ts'
import { disk, ifThere } from './failures.ts'
import { parseTrailer, trailerBytes } from './trailer.ts'

/** Read at once. */
const chunkBytes = 512 * 1024

export interface StoredFile {
  /** Bytes of the content that is there, whatever was written originally. */
  readonly size: number
  readonly modifiedMs: number
  readonly contentType: string
  /** As noted while it was written. Absent when the file is damaged: see `md5Of`. */
  readonly md5: string | undefined
  readonly handle: FileHandle
}

/** Opens the file; `undefined` when there is none. The caller closes the handle. */
export async function openStored(path: string): Promise<StoredFile | undefined> {
  const handle = await ifThere(open(path, 'r'))
  if (handle === undefined) return undefined
  try {
    return await describe(handle)
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function describe(handle: FileHandle): Promise<StoredFile> {
  const { size: fileBytes, mtimeMs } = await disk(handle.stat())
  const modifiedMs = Math.floor(mtimeMs)
  const end = Buffer.alloc(trailerBytes)
  const at = fileBytes - trailerBytes
  const { bytesRead } = at < 0 ? { bytesRead: 0 } : await disk(handle.read(end, 0, trailerBytes, at))
  const trailer = parseTrailer(end.subarray(0, bytesRead))
  if (trailer === undefined) {
    return { handle, size: fileBytes, modifiedMs, contentType: defaultContentType, md5: undefined }
  }
  const { contentType, md5 } = trailer
  return { handle, size: at, modifiedMs, contentType, md5: trailer.size === at ? md5 : undefined }
}

/** The recorded md5, else that of the actual bytes: a comparison then shows the damage. */
export async function md5Of(file: StoredFile): Promise<string> {
  if (file.md5 !== undefined) return file.md5
  const hash = createHash('md5')
  const block = Buffer.allocUnsafe(chunkBytes)
  for (let position = 0; position < file.size; ) {
    const { bytesRead } = await disk(file.handle.read(block, 0, Math.min(chunkBytes, file.size - position), position))
    if (bytesRead === 0) throw shortened()
    hash.update(block.subarray(0, bytesRead))
    position += bytesRead
  }
  return hash.digest('base64')
}

/** The bytes asked for. Closes the handle when they are read, when reading fails, and when it is cancelled. */
export function streamOf(file: StoredFile, range: ByteRange | undefined): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { handle } = file
  let position = range?.start ?? 0
  const end = Math.min(range === undefined ? file.size : range.end + 1, file.size)
  let reading: Promise<unknown> = Promise.resolve()
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await reading.catch(() => {})
    await handle.close()
  }
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const block = new Uint8Array(Math.max(0, Math.min(chunkBytes, end - position)))
        if (block.length > 0) {
          try {
            const read = disk(handle.read(block, 0, block.length, position))
            reading = read
            const { bytesRead } = await read
            if (closed) return
            if (bytesRead === 0) throw shortened()
            position += bytesRead
            controller.enqueue(bytesRead === block.length ? block : block.subarray(0, bytesRead))
          } catch (error) {
            await close()
            throw error
          }
        }
        if (position < end) return
        await close()
        controller.close()
      },
      cancel: close,
    },
    { highWaterMark: 1 },
  )
}

function shortened(): Problem {
  return new Problem('store_unavailable', 'A stored file became shorter while it was read.')
}
