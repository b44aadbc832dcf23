/**
 * Thumbnails. None are made: what makes them is native code that does not fit into one binary, or takes
 * seconds and hundreds of megabytes for a photo. Clients get the picture that stands for one that is not there yet.
 */
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterPublic } from './access.ts'
import { asFile } from './download.ts'
import { wrongSecret } from './links.ts'
import type { FilesServices } from './services.ts'
import { isThumbnailSecret } from './thumbnail-secret.ts'

/** Width and height in pixels that an image is fitted into. */
const formats: ReadonlyMap<string, readonly [width: number, height: number]> = new Map([
  ['tiny', [96, 96]],
  ['small', [640, 480]],
  ['medium', [1280, 720]],
  ['large', [1920, 1080]],
])

export function thumbnailRoute(face: Face, services: FilesServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/{id}/thumbnails/{secret}/{format}',
      summary: 'The thumbnail of an image, by the link that came with the file',
      tag: 'files',
      answers: { 400: 'The link is wrong or too old', 404: 'A placeholder image: no thumbnails are made' },
    },
    async (c, { path: { id, secret, format } }) => {
      const { instance, drive } = await enterPublic(c, services)
      if (!isThumbnailSecret(instance, id, secret)) throw wrongSecret()
      const size = formats.get(format)
      if (size === undefined) throw new Problem('not_found', `A format is one of ${[...formats.keys()].join(', ')}`)
      asFile(await services.files.node(drive, id))
      const image = placeholder(...size)
      const headers = {
        'content-type': 'image/svg+xml',
        'content-length': `${image.length}`,
        'cache-control': 'no-cache',
      }
      return new Response(c.req.raw.method === 'HEAD' ? null : image, { status: 404, headers })
    },
  )
}

/** A grey field with a mountain: ASCII, so that its length is its size. */
function placeholder(width: number, height: number): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 96 96">` +
    '<path fill="#eceff1" d="M-96 0h288v96h-288z"/><path fill="#b0bec5" d="M20 68l18-26 12 16 10-12 16 22z"/></svg>'
  )
}
