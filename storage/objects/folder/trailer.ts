/**
 * The last 512 bytes of an object's file describe the bytes before them, as padded JSON and a magic number. One
 * file holds both, so that no crash can separate them.
 */
export const trailerBytes = 512

const magic = 'HEARTH01'

export interface Trailer {
  readonly size: number
  /** Base64. */
  readonly md5: string
  readonly contentType: string
}

/** The trailer's bytes. The content type has at most 200 characters, so it always fits. */
export function formatTrailer({ size, md5, contentType }: Trailer): Buffer {
  const text = JSON.stringify({ size, md5, contentType })
  return Buffer.from(text.padEnd(trailerBytes - magic.length) + magic, 'latin1')
}

/** `undefined` when these bytes are not a trailer. */
export function parseTrailer(bytes: Uint8Array): Trailer | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  if (text.length !== trailerBytes || !text.endsWith(magic)) return undefined
  try {
    const found: unknown = JSON.parse(text.slice(0, -magic.length))
    return isTrailer(found) ? found : undefined
  } catch {
    return undefined
  }
}

function isTrailer(value: unknown): value is Trailer {
  if (typeof value !== 'object' || value === null) return false
  const { size, md5, contentType } = value as Partial<Record<keyof Trailer, unknown>>
  return typeof size === 'number' && typeof md5 === 'string' && typeof contentType === 'string'
}
