/** `_find` and `_explain` as CouchDB speaks them. */
import { z } from '@hono/zod-openapi'
import type { FindAnswer, FindFace } from '../../src/documents/service.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import { jsonText } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterWhole } from './access.ts'
import { readJsonBody } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: queries'
const needs = 'GET on the whole database'
/** CouchDB's own ways: 25 documents unless asked, and a query without index is only warned about. */
const ways: FindFace = { defaultLimit: pageLimits.couchdb.byDefault, refuseUnindexed: false }
const failures = { 400: 'The request is malformed.', 404: 'There is no such database.', 415: 'Not announced as JSON.' }
const selection = z.object({ selector: z.object({}), limit: z.int().optional(), bookmark: z.string().optional() })

export function findRoutes(face: Face, services: CouchdbServices): void {
  const { documents } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_find',
      tag,
      summary: 'Documents that a selector matches',
      needs,
      body: selection,
      answers: { 200: '`{docs, bookmark, warning?, execution_stats?}`.', ...failures },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      const asked = await readJsonBody(c, services.limits.maxRequestBytes)
      return jsonText(c, 200, found(await documents.find(ref, asked, ways), asked))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_explain',
      tag,
      summary: 'The index that would serve a query, and why',
      needs,
      body: selection,
      answers: { 200: 'The plan.', ...failures },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      return jsonText(
        c,
        200,
        stringifyJson(await documents.explain(ref, await readJsonBody(c, services.limits.maxRequestBytes), ways)),
      )
    },
  )
}

function found(answer: FindAnswer, asked: Json): string {
  const docs = `{"docs":[${answer.docs.join(',\n')}]`
  const bookmark = answer.bookmarkAbsent ? '' : `,"bookmark":${JSON.stringify(answer.bookmark ?? 'nil')}`
  const wanted = isObject(asked) && asked['execution_stats'] === true
  const stats = wanted ? `,"execution_stats":${JSON.stringify(answer.stats)}` : ''
  const warning = answer.warnings.length === 0 ? '' : `,"warning":${JSON.stringify(answer.warnings.join('\n'))}`
  return `${docs}${bookmark}${stats}${warning}}`
}
