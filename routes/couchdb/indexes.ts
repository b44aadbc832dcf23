/** `_index`: the indexes of a database, as CouchDB speaks of them. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { jsonText, jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { countParameter } from '../http/parameters.ts'
import type { HttpContext } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { noDocument } from './errors.ts'
import { checkPathId, readJsonBody } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: queries'
const needs = 'GET on the whole database'
const failures = { 400: 'The request is malformed.', 404: 'There is no such database.', 415: 'Not announced as JSON.' }

export function indexRoutes(face: Face, services: CouchdbServices): void {
  const { documents } = services
  const body = (c: HttpContext) => readJsonBody(c, services.limits.maxRequestBytes)

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb/{db}/_index',
      tag,
      summary: 'List indexes',
      needs,
      query: z.object({ limit: countParameter(), skip: countParameter() }),
      answers: { 200: '`{total_rows, indexes}`.', ...failures },
    },
    async (c, { path, query }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      const all = await documents.listIndexes(ref)
      const { skip = 0, limit = all.length } = query
      return jsonText(c, 200, stringifyJson({ total_rows: all.length, indexes: all.slice(skip, skip + limit) }))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_index',
      tag,
      summary: 'Create an index; it is usable at once',
      needs,
      body: z.object({
        index: z.object({ fields: z.array(z.unknown()) }),
        ddoc: z.string().optional(),
        name: z.string().optional(),
      }),
      answers: { 200: '`{result, id, name}`, result being `created` or `exists`.', ...failures },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      return jsonValue(c, 200, await documents.createIndex(ref, await body(c), { create: false }))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_index/_bulk_delete',
      tag,
      summary: 'Delete all indexes of the named design documents',
      needs,
      body: z.object({ docids: z.array(z.string()) }),
      answers: { 200: '`{success, fail}`.', ...failures },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      const success: object[] = []
      const fail: object[] = []
      for (const id of readDocids(await body(c))) {
        const indexes = (await documents.listIndexes(ref)).filter((index) => index['ddoc'] === id)
        for (const index of indexes) await documents.deleteIndex(ref, id, String(index['name']))
        if (indexes.length > 0) success.push({ id, ok: true })
        else fail.push({ id, error: 'not_found', reason: 'missing' })
      }
      return jsonValue(c, 200, { success, fail })
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/couchdb/{db}/_index/{ddoc}/{type}/{name}',
      tag,
      summary: 'Delete an index',
      needs,
      answers: { 200: '`{ok: true}`.', ...failures },
    },
    (c, { path }) => deleteIndex(c, path),
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/couchdb/{db}/_index/_design/{ddoc}/{type}/{name}',
      tag,
      summary: 'Delete an index',
      needs,
      answers: { 200: '`{ok: true}`.', ...failures },
    },
    (c, { path }) => deleteIndex(c, path),
  )

  async function deleteIndex(
    c: HttpContext,
    index: { readonly db: string; readonly ddoc: string; readonly type: string; readonly name: string },
  ): Promise<Response> {
    const { ref } = await enterWhole(c, services, index.db, 'GET', 'read')
    const ddoc = designId(index.ddoc)
    checkPathId(ddoc)
    if (index.type !== 'json') throw noDocument('missing')
    if (!(await documents.deleteIndex(ref, ddoc, index.name))) throw noDocument('missing')
    return jsonValue(c, 200, { ok: true })
  }
}

function designId(ddoc: string): string {
  return ddoc.startsWith('_design/') ? ddoc : `_design/${ddoc}`
}

function readDocids(body: Json): readonly string[] {
  const ids = isObject(body) ? body['docids'] : undefined
  if (ids === undefined) throw new Problem('missing_required_key', 'Missing required key: docids')
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
    throw new Problem('invalid_list', '`docids` must be an array of ids of design documents.')
  }
  return ids.map(designId)
}
