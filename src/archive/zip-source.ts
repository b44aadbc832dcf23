import { open } from 'node:fs/promises'

/** Bytes with random access: a file, or an object that is read by ranges. */
export interface ZipSource {
  /** Bytes. */
  readonly size: number
  /** Exactly the bytes asked for, which must exist. */
  read(start: number, length: number): Promise<Uint8Array>
}

/** A local file. Close it when all entries have been read. */
export async function openZipFile(path: string): Promise<ZipSource & { close(): Promise<void> }> {
  const handle = await open(path, 'r')
  const { size } = await handle.stat()
  return {
    size,
    async read(start, length) {
      const bytes = new Uint8Array(length)
      let filled = 0
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled)
        if (bytesRead === 0) throw new Error('the archive became shorter while it was read')
        filled += bytesRead
      }
      return bytes
    },
    close: () => handle.close(),
  }
}
