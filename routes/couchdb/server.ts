/** The routes above databases: welcome, health, ids and the lists of databases. */

import { z } from '@hono/zod-openapi'
import type { AllDocsQuery } from '../../src/documents/service.ts'
import { isDatabaseName, isReadable } from '../../src/model/doctypes.ts'
import { Problem } from '../../src/model/errors.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import { allDocsText, lastBounds, parseListing } from '../http/all-docs.ts'
import { jsonText, jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { countParameter } from '../http/parameters.ts'
import { enterServer } from './access.ts'
import { databaseInformation } from './answer.ts'
import { readJsonBody } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: server'
const errorBody = z.object({ error: z.string(), reason: z.string() }).describe('What went wrong')
const needsList = 'GET on io.cozy.doctypes'
const { mostUuids, mostDatabases } = pageLimits.couchdb

export function serverRoutes(face: Face, services: CouchdbServices): void {
  const { documents } = services

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb',
      tag,
      summary: 'Welcome; `uuid` names this server to replicators',
      answers: {
        200: z
          .object({
            couchdb: z.string(),
            version: z.string(),
            uuid: z.string(),
            vendor: z.object({ name: z.string() }),
          })
          .describe('What this server is'),
      },
    },
    (c) =>
      jsonValue(c, 200, {
        couchdb: 'Welcome',
        version: '3.4.3',
        uuid: services.uuid,
        features: [],
        vendor: { name: 'Hearth' },
      }),
  )

  endpoint(
    face,
    { method: 'GET', path: '/couchdb/_up', tag, summary: 'Whether databases answer', answers: { 200: 'They do.' } },
    async (c) => {
      await services.store.ping()
      return jsonValue(c, 200, { status: 'ok', seeds: {} })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb/_uuids',
      tag,
      summary: 'Fresh ids for documents',
      query: z.object({ count: countParameter() }),
      answers: { 200: z.object({ uuids: z.array(z.string()) }).describe('32 hex digits each'), 400: errorBody },
    },
    (c, { query }) => {
      const { count = 1 } = query
      if (count > mostUuids) throw new Problem('bad_request', `count parameter too large, at most ${mostUuids}`)
      const uuids = Array.from({ length: count }, () => crypto.randomUUID().replaceAll('-', ''))
      return jsonValue(c, 200, { uuids }, { 'cache-control': 'must-revalidate, no-cache', pragma: 'no-cache' })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb/_all_dbs',
      tag,
      summary: 'Names of the databases of this instance',
      needs: needsList,
      query: allDocsText,
      answers: { 200: z.array(z.string()).describe('Names in byte order'), 400: errorBody },
    },
    async (c, { query }) => {
      const { instance } = await enterServer(c, services)
      return jsonValue(
        c,
        200,
        selectNames(await readableNames(instance.prefix), parseListing(lastBounds(c, query), 'all')),
      )
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb/_dbs_info',
      tag,
      summary: 'Status of the databases of this instance',
      needs: needsList,
      query: allDocsText,
      answers: { 200: 'An array of `{key, info}`.', 400: errorBody },
    },
    async (c, { query }) => {
      const { instance } = await enterServer(c, services)
      const names = selectNames(await readableNames(instance.prefix), parseListing(lastBounds(c, query), 'all'))
      return jsonText(c, 200, await infoRows(instance.prefix, names))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/_dbs_info',
      tag,
      summary: 'Status of the databases named in `keys`',
      needs: needsList,
      body: z.object({ keys: z.array(z.string()).describe(`At most ${mostDatabases} names`) }),
      answers: { 200: 'An array of `{key, info}` or `{key, error}`, in the order of `keys`.', 400: errorBody },
    },
    async (c) => {
      const { instance } = await enterServer(c, services)
      const names = readKeys(await readJsonBody(c, services.limits.maxRequestBytes))
      return jsonText(c, 200, await infoRows(instance.prefix, names))
    },
  )

  /** Reserved doctypes are left out: their databases cannot be read here. */
  async function readableNames(prefix: string): Promise<readonly string[]> {
    return (await documents.listDatabases(prefix)).filter(isReadable)
  }

  async function infoRows(prefix: string, names: readonly string[]): Promise<string> {
    const rows: string[] = []
    for (const name of names) {
      const info =
        isDatabaseName(name) && isReadable(name)
          ? await orWithoutDatabase(documents.databaseInfo({ prefix, name }), undefined)
          : undefined
      const found = info === undefined ? { error: 'not_found' } : { info: databaseInformation(info) }
      rows.push(JSON.stringify({ key: name, ...found }))
    }
    return `[${rows.join(',\n')}]`
  }
}

function readKeys(body: Json): readonly string[] {
  const keys = isObject(body) ? body['keys'] : undefined
  if (keys === undefined) throw new Problem('bad_request', '`keys` member must exist.')
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string')) {
    throw new Problem('bad_request', '`keys` member must be an array of names.')
  }
  if (keys.length > mostDatabases)
    throw new Problem('bad_request', `\`keys\` member may hold at most ${mostDatabases} names.`)
  return keys
}

type Selection = Pick<AllDocsQuery, 'start' | 'end' | 'descending' | 'skip' | 'limit'>

/** The part of a list of names (in byte order) that the parameters of `_all_dbs` ask for; `start` is where it begins. */
function selectNames(names: readonly string[], selection: Selection): readonly string[] {
  const { start, end, descending, skip, limit } = selection
  const [low, high] = descending ? [end, start] : [start, end]
  const inside = names.filter((name) => {
    const aboveLow = low === undefined || name > low.id || (low.inclusive && name === low.id)
    return aboveLow && (high === undefined || name < high.id || (high.inclusive && name === high.id))
  })
  if (descending) inside.reverse()
  return inside.slice(skip, limit === undefined ? undefined : skip + limit)
}
