export interface ListedEntry {
  readonly name: string
  /** Bytes, unpacked. */
  readonly size: number
  /** Eight hexadecimal digits. */
  readonly crc: string
}

/** The entries of a zip by its central directory. Small archives only: no ZIP64. */
export function listZip(bytes: Uint8Array): readonly ListedEntry[] {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = data.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (end < 0) throw new Error('not a zip')
  const entries: ListedEntry[] = []
  let at = data.readUInt32LE(end + 16)
  for (let left = data.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) => data.readUInt16LE(at + place))
    entries.push({
      name: data.toString('utf8', at + 46, at + 46 + (nameLength ?? 0)),
      size: data.readUInt32LE(at + 24),
      crc: data
        .readUInt32LE(at + 16)
        .toString(16)
        .padStart(8, '0'),
    })
    at += 46 + (nameLength ?? 0) + (extraLength ?? 0) + (commentLength ?? 0)
  }
  return entries
}
