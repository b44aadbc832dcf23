/** `_find` and `_explain` under the data API's own limits. */
import { z } from '@hono/zod-openapi'
import type { FindFace } from '../../src/documents/service.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterWhole } from './access.ts'
import { pageLimit, readBody } from './request.ts'
import type { DataServices } from './services.ts'

const face: FindFace = { defaultLimit: pageLimits.data.byDefault, refuseUnindexed: true }

const question = z.looseObject({
  selector: z.looseObject({}),
  limit: z.number().optional().describe(`${pageLimits.data.byDefault} when absent or above ${pageLimits.data.most}`),
  skip: z.number().optional(),
  sort: z.array(z.any()).optional(),
  fields: z.array(z.string()).optional(),
  use_index: z.union([z.string(), z.array(z.string())]).optional(),
  bookmark: z.string().nullable().optional(),
  execution_stats: z.boolean().optional(),
})

export function findRoutes(own: Face, { documents, instances, limits }: DataServices): void {
  endpoint(
    own,
    {
      method: 'POST',
      path: '/data/{type}/_find',
      summary: 'Find documents with a selector',
      tag: 'queries',
      needs: 'GET on the whole doctype',
      body: question,
      answers: {
        200: z.object({ docs: z.array(z.looseObject({})), limit: z.number(), next: z.boolean(), bookmark: z.string() }),
        400: 'no_index, no_usable_index or a malformed question',
        404: 'No such doctype',
      },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const body = limited((await readBody(c, limits)).value)
      const answer = await documents.find(ref, body, face)
      const { docs, bookmark = '', warnings, stats } = answer
      const limit = isObject(body) ? Number(body['limit']) : pageLimits.data.byDefault
      let text = `{"docs":[${docs.join(',\n')}],"limit":${limit},"next":${docs.length >= limit}`
      text += `,"bookmark":${JSON.stringify(bookmark)}`
      if (isObject(body) && body['execution_stats'] === true) text += `,"execution_stats":${JSON.stringify(stats)}`
      if (warnings.length > 0) text += `,"warning":${JSON.stringify(warnings.join('\n'))}`
      return jsonText(c, 200, `${text}}`)
    },
  )

  endpoint(
    own,
    {
      method: 'POST',
      path: '/data/{type}/_explain',
      summary: 'Which index a question would use',
      tag: 'queries',
      needs: 'GET on the whole doctype',
      body: question,
      answers: { 200: z.looseObject({ index: z.looseObject({}) }), 404: 'No such doctype' },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const body = limited((await readBody(c, limits)).value)
      const answer = await documents.explain(ref, body, { ...face, refuseUnindexed: false })
      return jsonText(c, 200, stringifyJson(answer))
    },
  )
}

/** The query with the limit in force. What is not an object is left to the engine to refuse. */
function limited(body: Json): Json {
  return isObject(body) ? { ...body, limit: pageLimit(body['limit']) } : body
}
