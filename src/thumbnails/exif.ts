/** What cameras write into their photos. */
import exifr from 'exifr/dist/lite.esm.mjs'

export interface PhotoFacts {
  /** How the pixels lie, 1 to 8 as in EXIF; 1: upright. */
  readonly orientation: number
  /** When it was taken: ISO 8601, in UTC where the camera says its zone, else as its clock showed. */
  readonly takenAt: string | undefined
  readonly gps: { readonly lat: number; readonly long: number } | undefined
}

/** Reads a block of EXIF data. A broken block yields nothing. */
export async function readPhotoFacts(exif: Uint8Array | undefined): Promise<PhotoFacts> {
  const found = exif && (await parse(exif))
  const { Orientation, DateTimeOriginal, CreateDate, OffsetTimeOriginal, latitude, longitude } = found ?? {}
  const orientation = typeof Orientation === 'number' && Orientation >= 1 && Orientation <= 8 ? Orientation : 1
  const isPlace = typeof latitude === 'number' && typeof longitude === 'number'
  return {
    orientation,
    takenAt: isoTime(DateTimeOriginal ?? CreateDate, OffsetTimeOriginal),
    gps: isPlace ? { lat: latitude, long: longitude } : undefined,
  }
}

async function parse(exif: Uint8Array): Promise<Record<string, unknown> | undefined> {
  try {
    const options = { translateValues: false, reviveValues: false, gps: true, exif: true, ifd0: true }
    return (await exifr.parse(asJpeg(exif), options)) as Record<string, unknown> | undefined
  } catch {
    return undefined
  }
}

/** The smallest JPEG that holds the block: the library reads no other file here. */
function asJpeg(exif: Uint8Array): Uint8Array {
  // A segment is at most 65,535 bytes; what cameras write is at the beginning.
  const data = exif.subarray(0, 65_000)
  const length = data.length + 8
  const head = [0xff, 0xd8, 0xff, 0xe1, length >> 8, length & 0xff, 0x45, 0x78, 0x69, 0x66, 0, 0]
  return Buffer.concat([Buffer.from(head), data, Buffer.from([0xff, 0xd9])])
}

function isoTime(value: unknown, offset: unknown): string | undefined {
  const [, year, month, day, time] = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)/.exec(String(value)) ?? []
  if (year === undefined) return undefined
  const zone = typeof offset === 'string' && /^[+-]\d\d:\d\d$/.test(offset) ? offset : 'Z'
  const moment = Date.parse(`${year}-${month}-${day}T${time}${zone}`)
  return Number.isNaN(moment) ? undefined : new Date(moment).toISOString().replace('.000Z', 'Z')
}
