import type { FileHandle } from 'node:fs/promises'
import { DriverError } from '../error.ts'
import { localError } from './failures.ts'

const blockBytes = 1024 * 1024

/** Bytes of an open file. @throws DriverError `changed` when it ends before `end` */
export async function* readRange(
  handle: FileHandle,
  name: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; ) {
    const block = Buffer.allocUnsafe(Math.min(blockBytes, end - at))
    let bytesRead: number
    try {
      ;({ bytesRead } = await handle.read(block, 0, block.length, at))
    } catch (error) {
      throw localError(error, name)
    }
    if (bytesRead === 0) throw new DriverError('changed', `${name}: the file became shorter while it was read`)
    yield block.subarray(0, bytesRead)
    at += bytesRead
  }
}
