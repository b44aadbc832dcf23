/** Databases as a whole: status, creation, deletion and settings. */
import { z } from '@hono/zod-openapi'
import { isDatabaseName } from '../../src/model/doctypes.ts'
import { Problem } from '../../src/model/errors.ts'
import { jsonText, jsonValue } from '../http/answer.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import type { HttpContext } from '../http/router.ts'
import { enter, enterWhole } from './access.ts'
import { databaseInformation } from './answer.ts'
import { words } from './errors.ts'
import { illegalName, requireJson } from './request.ts'
import type { CouchdbServices } from './services.ts'

const tag = 'CouchDB: databases'
const done = z.object({ ok: z.boolean() }).describe('Done')
/** CouchDB's default security object: only administrators, which tokens stand in for here. */
const security = { members: { roles: ['_admin'] }, admins: { roles: ['_admin'] } }

export function databaseRoutes(face: Face, services: CouchdbServices): void {
  const { documents, store } = services
  const answers = { 401: 'No good token.', 403: 'The token does not allow this.', 404: 'There is no such database.' }

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb/{db}',
      tag,
      summary: 'Status of a database',
      needs: 'GET on the whole database',
      answers: { 200: 'Counts, sizes and the sequence.', ...answers },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      const info = await documents.databaseInfo(ref)
      return jsonValue(c, 200, databaseInformation(info))
    },
  )

  endpoint(
    face,
    {
      method: 'PUT',
      path: '/couchdb/{db}',
      tag,
      summary: 'Create a database',
      needs: 'POST on the whole database',
      answers: { 201: done, 400: 'The name is not allowed.', 401: answers[401], 403: answers[403], 412: 'It exists.' },
    },
    async (c, { path }) => {
      if (!isDatabaseName(path.db)) {
        await enter(c, services)
        throw illegalName(path.db)
      }
      const { ref } = await enterWhole(c, services, path.db, 'POST', 'write')
      const outcome = await documents.createDatabase(ref)
      if (outcome === 'exists') throw new Problem('file_exists', words.databaseExists)
      return jsonValue(c, 201, { ok: true }, { location: `/couchdb/${encodeURIComponent(path.db)}` })
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/couchdb/{db}',
      tag,
      summary: 'Delete a database with all its documents',
      needs: 'DELETE on the whole database',
      query: z.object({ rev: textParameter().describe('Refused: a document was meant') }),
      answers: { 200: done, 400: 'A `rev` was given.', ...answers },
    },
    async (c, { path, query }) => {
      const { ref } = await enterWhole(c, services, path.db, 'DELETE', 'write')
      if (query.rev !== undefined) throw new Problem('bad_request', words.databaseRev)
      await documents.dropDatabase(ref)
      return jsonValue(c, 200, { ok: true })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb/{db}/_revs_limit',
      tag,
      summary: 'How many generations of a branch are remembered',
      needs: 'GET on the whole database',
      answers: { 200: z.int().describe('Generations'), ...answers },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      const info = await documents.databaseInfo(ref)
      return jsonText(c, 200, `${info.revsLimit}`)
    },
  )

  endpoint(
    face,
    {
      method: 'PUT',
      path: '/couchdb/{db}/_revs_limit',
      tag,
      summary: 'Remember fewer or more generations of a branch',
      needs: 'PUT on the whole database',
      body: z.int().min(1),
      answers: { 200: done, 400: 'No integer of at least 1.', ...answers },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'PUT', 'write')
      const { value: limit } = await readJson(c, { maxBytes: 64 })
      if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > 0x7fffffff) {
        throw new Problem('bad_request', '`revs_limit` must be an integer from 1 to 2147483647.')
      }
      await store.setRevsLimit(ref, limit)
      return jsonValue(c, 200, { ok: true })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/couchdb/{db}/_security',
      tag,
      summary: 'Who may use a database; the same for all, since tokens decide',
      needs: 'GET on the whole database',
      answers: { 200: 'Members and admins.', ...answers },
    },
    async (c, { path }) => {
      await requireDatabase(c, path.db)
      return jsonValue(c, 200, security)
    },
  )

  endpoint(
    face,
    {
      method: 'PUT',
      path: '/couchdb/{db}/_security',
      tag,
      summary: 'Not served: rights come with tokens',
      needs: 'GET on the whole database',
      answers: { 501: 'Always.', ...answers },
    },
    async (c, { path }) => {
      await requireDatabase(c, path.db)
      throw new Problem('not_implemented', 'Rights belong to tokens here: give each client one with its own scope.')
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_ensure_full_commit',
      tag,
      summary: 'Accepted; every answered write is on disk already',
      needs: 'GET on the whole database',
      answers: { 201: done, ...answers, 415: 'The body is not announced as JSON.' },
    },
    async (c, { path }) => {
      requireJson(c)
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'write')
      const info = await documents.databaseInfo(ref)
      return jsonValue(c, 201, { ok: true, instance_start_time: info.epoch })
    },
  )

  async function requireDatabase(c: HttpContext, name: string): Promise<void> {
    const { ref } = await enterWhole(c, services, name, 'GET', 'read')
    await documents.databaseInfo(ref)
  }
}
