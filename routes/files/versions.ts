/**
 * Routes of versions and thumbnails whose first segment is the id of a file. Declare them after
 * everything else that has two segments below `/files`: `DELETE /files/{file}/{version}` would take `/files/trash/{id}`.
 */
import { z } from '@hono/zod-openapi'
import type { Json } from '../../src/model/json/value.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, nodeFor } from './access.ts'
import { jsonApi, versionObject } from './answer.ts'
import { asFile, versionFor } from './download.ts'
import { badBody } from './errors.ts'
import { sendChanged } from './node-view.ts'
import { distinct, readData, tagsOf } from './request.ts'
import type { FilesServices } from './services.ts'

export function versionRoutes(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/{id}/versions',
      summary: 'Keep the current content as a version',
      tag: 'files',
      needs: 'PUT on the file',
      query: z.object({ Tags: tagsOf('Tags that the file has from now on') }),
      body: z.object({
        data: z.object({ attributes: z.looseObject({}) }).describe('The metadata that the file has from now on'),
      }),
      answers: {
        200: 'The file, with its versions',
        400: 'The body is not a JSON-API document',
        404: 'The file does not exist',
      },
    },
    async (c, { path: { id }, query: { Tags } }) => {
      const visit = await enter(c, services)
      asFile(await nodeFor(visit, 'PUT', id, files))
      const metadata = attributesOf(await readData(c, services))
      const file = await files.keepVersion(visit.drive, id, { tags: Tags, metadata })
      return sendChanged(c, 200, visit, file, files)
    },
  )

  endpoint(
    face,
    {
      method: 'PATCH',
      path: '/files/{file}/{version}',
      summary: 'Change the tags of a version; one with tags is kept until it is deleted',
      tag: 'files',
      needs: 'PATCH on the file',
      body: z.object({ data: z.object({ attributes: z.object({ tags: z.array(z.string()) }) }) }),
      answers: {
        200: 'The version',
        400: 'The body is not a JSON-API document with tags',
        404: 'The file or the version does not exist',
      },
    },
    async (c, { path }) => {
      const visit = await enter(c, services)
      asFile(await nodeFor(visit, 'PATCH', path.file, files))
      await versionFor(visit, path.file, path.version, files)
      const { tags } = attributesOf(await readData(c, services)) ?? {}
      if (!isTexts(tags)) throw badBody()
      const version = await files.tagVersion(visit.drive, path.file, path.version, distinct(tags))
      return jsonApi(c, 200, { data: versionObject(version) })
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/files/{file}/{version}',
      summary: 'Delete a version',
      tag: 'files',
      needs: 'DELETE on the file',
      answers: { 204: 'Deleted', 404: 'The file or the version does not exist' },
    },
    async (c, { path }) => {
      const visit = await enter(c, services)
      asFile(await nodeFor(visit, 'DELETE', path.file, files))
      await files.deleteVersion(visit.drive, path.file, path.version)
      return new Response(null, { status: 204 })
    },
  )
}

/** The attributes of a JSON-API object; `undefined` when it has none. Throws 400 when they are not an object. */
function attributesOf(data: Json): JsonObject | undefined {
  if (!isObject(data)) throw badBody()
  const { attributes } = data
  if (attributes === undefined) return undefined
  if (!isObject(attributes)) throw badBody()
  return attributes
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
