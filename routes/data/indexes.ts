/** Mango indexes: create, list, delete. All of it needs GET only, as apps rely on. */
import { z } from '@hono/zod-openapi'
import { compareBytes } from '../../src/model/compare-bytes.ts'
import { Problem } from '../../src/model/errors.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { jsonText, jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { countParameter } from '../http/parameters.ts'
import type { HttpContext } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { readBody } from './request.ts'
import type { DataServices } from './services.ts'

const path = '/data/{type}/_index'
const tag = 'indexes'
const needs = 'GET on the whole doctype'

export function indexRoutes(own: Face, { documents, instances, limits }: DataServices): void {
  endpoint(
    own,
    {
      method: 'POST',
      path,
      summary: 'Create an index',
      tag,
      needs,
      body: z.looseObject({
        index: z.object({ fields: z.array(z.any()), partial_filter_selector: z.looseObject({}).optional() }),
        ddoc: z.string().optional(),
        name: z.string().optional(),
        type: z.string().optional(),
      }),
      answers: { 200: z.object({ result: z.enum(['created', 'exists']), id: z.string(), name: z.string() }) },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      // Definitions reach the engine with sorted keys, whatever order the client wrote.
      const definition = withSortedKeys((await readBody(c, limits)).value)
      const made = await documents.createIndex(ref, definition, { create: true })
      return jsonValue(c, 200, { result: made.result, id: made.id, name: made.name })
    },
  )

  endpoint(
    own,
    {
      method: 'GET',
      path,
      summary: 'List the indexes of a doctype',
      tag,
      needs,
      query: z.object({ limit: countParameter(), skip: countParameter() }),
      answers: { 200: z.object({ total_rows: z.number(), indexes: z.array(z.looseObject({})) }) },
    },
    async (c, { path: { type }, query: { limit, skip = 0 } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const rows = await documents.listIndexes(ref)
      const page = rows.slice(skip, limit === undefined ? undefined : skip + limit)
      return jsonText(c, 200, `{"total_rows":${rows.length},"indexes":${stringifyJson(page)}}`)
    },
  )

  endpoint(
    own,
    {
      method: 'POST',
      path: `${path}/_bulk_delete`,
      summary: 'Delete all indexes of some design documents',
      tag,
      needs,
      body: z.object({ docids: z.array(z.string()) }),
      answers: { 200: z.object({ success: z.array(z.looseObject({})), fail: z.array(z.looseObject({})) }) },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const ids = designIds((await readBody(c, limits)).value)
      const rows = await documents.listIndexes(ref)
      const success: object[] = []
      const fail: object[] = []
      for (const id of ids) {
        const names = rows.filter((row) => row['ddoc'] === id).map((row) => `${row['name']}`)
        for (const name of names) await documents.deleteIndex(ref, id, name)
        if (names.length > 0) success.push({ id, ok: true })
        else fail.push({ id, error: 'not_found' })
      }
      return jsonValue(c, 200, { success, fail })
    },
  )

  const deleted = {
    method: 'DELETE',
    summary: 'Delete an index',
    tag,
    needs,
    answers: { 200: 'Deleted', 404: 'missing' },
  } as const
  endpoint(own, { ...deleted, path: `${path}/_design/{ddoc}/json/{name}` }, (c, input) => remove(c, input.path))
  endpoint(own, { ...deleted, path: `${path}/{ddoc}/json/{name}` }, (c, input) => remove(c, input.path))

  async function remove(c: HttpContext, { type, ddoc, name }: { type: string; ddoc: string; name: string }) {
    const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
    const removed = await documents.deleteIndex(ref, `_design/${ddoc}`, name)
    if (!removed) throw new Problem('not_found', 'missing')
    return jsonText(c, 200, '{"ok":true}')
  }
}

function designIds(body: Json): readonly string[] {
  const ids = isObject(body) ? body['docids'] : undefined
  if (Array.isArray(ids) && ids.every((id) => typeof id === 'string')) {
    return ids.map((id) => (id.startsWith('_design/') ? id : `_design/${id}`))
  }
  throw new Problem('bad_request', '`docids` should be an array of strings')
}

function withSortedKeys(value: Json): Json {
  if (Array.isArray(value)) return value.map(withSortedKeys)
  if (!isObject(value)) return value
  const members = Object.entries(value).sort(([a], [b]) => compareBytes(a, b))
  return Object.fromEntries(members.map(([name, member]) => [name, withSortedKeys(member)]))
}
