import mime from 'mime'

/** By the name alone, so that it is the same in every entry. */
export function mediaTypeOf(filename: string): string {
  return mime.getType(filename.slice(filename.lastIndexOf('/') + 1).toLowerCase()) ?? 'application/octet-stream'
}
