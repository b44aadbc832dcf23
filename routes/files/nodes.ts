/** Reading directories and files without their bytes. `HEAD` is served wherever GET is. */
import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { asDirectory, enter, nodeAtFor, nodeFor } from './access.ts'
import { jsonApi, sendList, sendNode } from './answer.ts'
import { contentsOf, thumbnailsOf, viewOf } from './node-view.ts'
import { childrenPageOf, pageText } from './pagination.ts'
import { textOf } from './request.ts'
import { list, needs, node, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

/** A fixed name: `/files/metadata`. */
export function nodeNamesRoutes(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/metadata',
      summary: 'A directory or file by its path',
      tag,
      needs: needs('GET'),
      query: z.object({ Path: textOf('Absolute path'), ...pageText }),
      answers: { 200: node, 400: 'The path is not absolute', 404: 'It does not exist' },
    },
    async (c, { query }) => {
      const visit = await enter(c, services)
      const found = await nodeAtFor(visit, 'GET', query.Path ?? '', files)
      const view = await viewOf(visit, found, files, childrenPageOf(query))
      return sendNode(c, 200, found, found.kind === 'file' ? { ...view, path: query.Path } : view)
    },
  )
}

/** Below an id: the node itself, its children, its size. */
export function nodeRoutes(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/{id}/relationships/contents',
      summary: 'The children of a directory',
      tag,
      needs: needs('GET'),
      query: z.object(pageText),
      answers: { 200: list, 400: 'It is a file', 404: 'It does not exist' },
    },
    async (c, { path: { id }, query }) => {
      const visit = await enter(c, services)
      const directory = asDirectory(await nodeFor(visit, 'GET', id, files))
      const self = `/files/${encodeURIComponent(id)}/relationships/contents`
      const { nodes, count, next } = await contentsOf(visit, directory, files, childrenPageOf(query), self)
      return sendList(c, nodes, { meta: { count }, next, thumbnails: thumbnailsOf(visit) })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/{id}/size',
      summary: 'Bytes of all files below a directory',
      tag,
      needs: needs('GET'),
      answers: { 200: z.object({ data: z.looseObject({}) }), 400: 'It is a file', 404: 'It does not exist' },
    },
    async (c, { path: { id } }) => {
      const visit = await enter(c, services)
      const directory = asDirectory(await nodeFor(visit, 'GET', id, files))
      const size = `${await files.sizeBelow(visit.drive, directory)}`
      return jsonApi(c, 200, { data: { type: 'io.cozy.files.sizes', id, attributes: { size }, meta: {} } })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/{id}',
      summary: 'A directory with its children, or a file with its versions',
      tag,
      needs: needs('GET'),
      query: z.object(pageText),
      answers: { 200: node, 404: 'It does not exist' },
    },
    async (c, { path: { id }, query }) => {
      const visit = await enter(c, services)
      const found = await nodeFor(visit, 'GET', id, files)
      return sendNode(c, 200, found, await viewOf(visit, found, files, childrenPageOf(query)))
    },
  )
}
