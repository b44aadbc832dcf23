/** `POST /files/FILE/copy`. */
import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, nodeFor, requireNew } from './access.ts'
import { sendMade } from './node-view.ts'
import { textOf } from './request.ts'
import { node, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

export function copyRoute(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/{id}/copy',
      summary: 'Copy a file',
      tag,
      needs: 'GET on the file and POST on the directory of the copy',
      query: z.object({
        Name: textOf('Name of the copy; by default one that says so'),
        name: textOf('The same'),
        DirID: textOf('Directory of the copy; by default that of the file'),
      }),
      answers: { 201: node, 404: 'The file does not exist', 413: 'There is no room' },
    },
    async (c, { path: { id }, query }) => {
      const visit = await enter(c, services)
      const found = await nodeFor(visit, 'GET', id, files)
      const name = query.Name ?? query.name
      const dirId = query.DirID ?? found.dirId
      const value = { ...found.value, dir_id: dirId, ...(name === undefined ? {} : { name }) }
      await requireNew(visit, 'POST', { dirId, tags: found.tags, value }, files)
      const copy = await files.copy(visit.drive, id, { dirId, ...(name === undefined ? {} : { name }) })
      return sendMade(c, visit, copy)
    },
  )
}
