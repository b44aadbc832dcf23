/** `PUT /files/FILE`: new content for a file. */
import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { incomingBytes } from '../http/incoming.ts'
import { enter, nodeFor } from './access.ts'
import { sendChanged } from './node-view.ts'
import { dateHeader, ifMatchHeader, ifMatchOf, revParameter } from './request.ts'
import { needs, node, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'
import { contentClaims, contentHeaders, contentParameters, metadataOf } from './upload-request.ts'

export function overwriteRoute(face: Face, services: FilesServices): void {
  const { files, secrets } = services
  endpoint(
    face,
    {
      method: 'PUT',
      path: '/files/{id}',
      summary: "Replace a file's content",
      tag,
      needs: needs('PUT'),
      query: z.object({ ...contentParameters, ...revParameter }),
      headers: { ...contentHeaders, ...ifMatchHeader, Date: 'Date of the change (RFC 1123)' },
      body: z.string().describe('The bytes').openapi({ format: 'binary' }),
      bodyMedia: 'application/octet-stream',
      answers: {
        200: node,
        404: 'The file does not exist',
        412: 'Not the current revision, or the bytes are not as announced',
        413: 'There is no room',
        422: 'A parameter or header is wrong; `source` names it',
      },
    },
    async (c, { path: { id }, query }) => {
      const visit = await enter(c, services)
      const claims = contentClaims(c, query)
      await nodeFor(visit, 'PUT', id, files)
      const content = {
        ...claims,
        ifMatch: ifMatchOf(c, query.rev),
        updatedAt: query.UpdatedAt ?? dateHeader(c),
        tags: query.Tags,
        metadata: await metadataOf(visit.drive.prefix, query, secrets),
      }
      const file = await files.overwrite(visit.drive, id, content, incomingBytes(c))
      return sendChanged(c, 200, visit, file, files)
    },
  )
}
