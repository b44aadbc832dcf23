/** Thumbnails, by the links that come with images. A missing one is answered with a placeholder, and made. */
import { Problem } from '../../src/model/errors.ts'
import { thumbnailFormats } from '../../src/thumbnails/formats.ts'
import type { OpenObject } from '../../storage/objects/contract.ts'
import { notModified } from '../http/answer.ts'
import { unchanged } from '../http/conditional.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, headerReader } from '../http/router.ts'
import { enterPublic } from './access.ts'
import { asFile } from './download.ts'
import { wrongSecret } from './links.ts'
import type { FilesServices } from './services.ts'
import { isThumbnailSecret } from './thumbnail-secret.ts'

export function thumbnailRoute(face: Face, services: FilesServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/{id}/thumbnails/{secret}/{format}',
      summary: 'The thumbnail of an image, by the link that came with the file',
      tag: 'files',
      answers: {
        200: 'The image, JPEG or PNG',
        400: 'The link is wrong or too old',
        404: 'A placeholder image: the thumbnail is not there (yet)',
      },
    },
    async (c, { path: { id, secret, format } }) => {
      const { instance, drive } = await enterPublic(c, services)
      if (!isThumbnailSecret(instance, id, secret)) throw wrongSecret()
      const size = thumbnailFormats.find(({ name }) => name === format)
      if (size === undefined) {
        throw new Problem('not_found', `A format is one of ${thumbnailFormats.map(({ name }) => name).join(', ')}`)
      }
      const file = asFile(await services.files.node(drive, id))
      const found = await services.thumbnails.open(instance.prefix, id, size.name)
      if (found !== undefined) return sendThumbnail(c, found)
      if (file.class === 'image') await services.thumbnails.want(instance, id)
      const image = placeholder(size.width, size.height)
      const headers = {
        'content-type': 'image/svg+xml',
        'content-length': `${image.length}`,
        'cache-control': 'no-cache',
      }
      return new Response(c.req.raw.method === 'HEAD' ? null : image, { status: 404, headers })
    },
  )
}

function sendThumbnail(c: HttpContext, { stat, body }: OpenObject): Response {
  const tag = `"${stat.md5}"`
  const headers = { etag: tag, 'cache-control': 'private, max-age=300' }
  const isHead = c.req.raw.method === 'HEAD'
  const isKnown = unchanged(headerReader(c), { etag: tag })
  if (isHead || isKnown) void body.cancel()
  if (isKnown) return notModified(headers)
  return new Response(isHead ? null : body, {
    headers: { ...headers, 'content-type': stat.contentType, 'content-length': `${stat.size}` },
  })
}

/** A grey field with a mountain: ASCII, so that its length is its size. */
function placeholder(width: number, height: number): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 96 96">` +
    '<path fill="#eceff1" d="M-96 0h288v96h-288z"/><path fill="#b0bec5" d="M20 68l18-26 12 16 10-12 16 22z"/></svg>'
  )
}
