/** `POST /files/upload/metadata`: metadata for a future upload, under a secret. */
import { z } from '@hono/zod-openapi'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enter, requireSome } from './access.ts'
import { jsonApi } from './answer.ts'
import { badBody } from './errors.ts'
import { readData } from './request.ts'
import { attributesBody, tag } from './schemas.ts'
import { type FilesServices, secretLifetime } from './services.ts'
import { metadataKind } from './upload-request.ts'

export function uploadMetadataRoute(face: Face, services: FilesServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/upload/metadata',
      summary: 'Keep metadata for ten minutes; the id goes into MetadataID of the upload',
      tag,
      needs: 'POST on some files',
      body: attributesBody,
      answers: { 201: z.object({ data: z.looseObject({ id: z.string() }) }), 400: 'Malformed' },
    },
    async (c) => {
      const visit = await enter(c, services)
      requireSome(visit, 'POST')
      const data = await readData(c, services)
      const attributes = isObject(data) ? data['attributes'] : undefined
      if (!isObject(attributes)) throw badBody()
      const { prefix } = visit.drive
      const id = await services.secrets.put(prefix, metadataKind, stringifyJson(attributes), secretLifetime)
      return jsonApi(c, 201, { data: { type: 'io.cozy.files.metadata', id, attributes, meta: {} } })
    },
  )
}
