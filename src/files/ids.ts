/** Ids of files and directories, and of their contents. */
import { randomBytes, randomInt } from 'node:crypto'

/** A UUID of version 7 as 32 hex digits: ids made one after the other sort one after the other. */
export function newFileId(nowMs: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(nowMs, 0, 6)
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f)
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f)
  return bytes.toString('hex')
}

const alphanumerics = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Names one content of a file: 16 letters and digits at random. */
export function newInternalId(): string {
  return Array.from({ length: 16 }, () => alphanumerics[randomInt(alphanumerics.length)]).join('')
}
