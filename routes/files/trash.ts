/** Trashing, restoring and destroying. */
import { z } from '@hono/zod-openapi'
import { trashId } from '../../src/files/node.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { asDirectory, enter, nodeFor } from './access.ts'
import { sendList } from './answer.ts'
import { contentsOf, sendChanged, thumbnailsOf } from './node-view.ts'
import { childrenPageOf, pageText } from './pagination.ts'
import { ifMatchHeader, ifMatchOf, revParameter } from './request.ts'
import { list, needs, node, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

/** `/files/trash` and the names below it. */
export function trashRoutes(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/trash',
      summary: 'What is in the trash',
      tag,
      needs: needs('GET'),
      query: z.object(pageText),
      answers: { 200: list },
    },
    async (c, { query }) => {
      const visit = await enter(c, services)
      const trash = asDirectory(await nodeFor(visit, 'GET', trashId, files))
      const { nodes, count, next } = await contentsOf(visit, trash, files, childrenPageOf(query), '/files/trash')
      return sendList(c, nodes, { meta: { count }, next, thumbnails: thumbnailsOf(visit) })
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/files/trash',
      summary: 'Empty the trash',
      tag,
      needs: needs('DELETE'),
      answers: { 204: 'It is empty' },
    },
    async (c) => {
      const visit = await enter(c, services)
      await nodeFor(visit, 'DELETE', trashId, files)
      await files.emptyTrash(visit.drive)
      return new Response(null, { status: 204 })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/trash/{id}',
      summary: 'Restore a directory or file out of the trash',
      tag,
      needs: needs('PATCH'),
      answers: { 200: node, 400: 'It is not in the trash', 404: 'It does not exist' },
    },
    async (c, { path: { id } }) => {
      const visit = await enter(c, services)
      await nodeFor(visit, 'PATCH', id, files)
      return sendChanged(c, 200, visit, await files.restore(visit.drive, id), files)
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/files/trash/{id}',
      summary: 'Destroy a directory or file in the trash, with its versions',
      tag,
      needs: needs('DELETE'),
      query: z.object(revParameter),
      headers: ifMatchHeader,
      answers: {
        204: 'Destroyed',
        400: 'It is not in the trash',
        404: 'It does not exist',
        412: 'Not the current revision',
      },
    },
    async (c, { path: { id }, query }) => {
      const visit = await enter(c, services)
      await nodeFor(visit, 'DELETE', id, files)
      await files.destroy(visit.drive, id, { ifMatch: ifMatchOf(c, query.rev), inTrash: true })
      return new Response(null, { status: 204 })
    },
  )
}

/** `DELETE /files/ID` needs PATCH: nothing is lost. */
export function moveToTrashRoute(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/files/{id}',
      summary: 'Move a directory or file to the trash',
      tag,
      needs: needs('PATCH'),
      query: z.object(revParameter),
      headers: ifMatchHeader,
      answers: {
        200: node,
        400: 'It is in the trash already',
        404: 'It does not exist',
        412: 'Not the current revision',
      },
    },
    async (c, { path: { id }, query }) => {
      const visit = await enter(c, services)
      await nodeFor(visit, 'PATCH', id, files)
      const trashed = await files.trash(visit.drive, id, ifMatchOf(c, query.rev))
      return sendChanged(c, 200, visit, trashed, files)
    },
  )
}
