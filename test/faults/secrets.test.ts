/** A secret planted in accounts is found nowhere: not in answers, not in the database, not in logs, not in a backup. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { writeDocument } from '../../src/instances/own-documents.ts'
import { makeBody } from '../../src/model/body.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import { openPostgresDocuments, type PostgresStore } from '../../storage/postgres/documents.ts'
import type { HttpInit } from '../support/http.ts'
import { runHearth, startServer, type TestServer } from '../support/server.ts'

const secret = 'planted-Geheimnis-7261'
const type = 'io.cozy.accounts'
const folder = mkdtempSync(join(tmpdir(), 'hearth-secrets-'))
let server: TestServer
let token = ''
let databaseUrl = ''
let domain = ''
let bare: PostgresStore

beforeAll(async () => {
  server = await startServer({ database: 'external', args: ['--log-level', 'debug'], keepData: true })
  databaseUrl = server.databaseUrl ?? ''
  domain = server.domain
  token = await server.token('*')
  bare = await openPostgresDocuments({
    target: databaseUrl,
    maxConnections: 2,
    compiler: indexCompiler,
    sweepEveryMs: 0,
    compactEveryMs: 0,
  })
}, 60_000)
afterAll(async () => {
  await bare.close()
  await server.stop()
  for (const place of [folder, server.dataDir]) rmSync(place, { recursive: true, force: true })
})

async function ask(method: string, path: string, body?: unknown, bearer = token) {
  const headers = { host: domain, authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
  const init: HttpInit = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await server.fetch(path, init)
  const text = await response.text()
  return { status: response.status, text, json: () => JSON.parse(text) as JsonObject }
}

const account = (more: object = {}) => ({
  account_type: 'bank',
  auth: { login: 'me', password: secret, access_token: secret },
  oauth: { refresh_token: secret },
  data: { auth: { secret } },
  ...more,
})

/** Every row of every table as text. */
async function dump(): Promise<string> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    const tables = await sql<{ name: string }[]>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`
    const rows = await Promise.all(tables.map(({ name }) => sql`SELECT t::text AS row FROM ${sql(name)} t`))
    // Index keys are in hexadecimal.
    return rows
      .flat()
      .map(({ row }) => String(row))
      .join('\n')
  } finally {
    await sql.end()
  }
}

async function expectHidden(): Promise<void> {
  const data = `/data/${type}`
  const couch = `/couchdb/${type}`
  const ids = (await ask('GET', `${data}/_all_docs`)).json()['rows'] as unknown as { id: string }[]
  const find = { selector: { account_type: 'bank' }, limit: 100 }
  const reads = [
    ask('GET', `${data}/_all_docs?include_docs=true`),
    ask('POST', `${data}/_all_docs?include_docs=true`, { keys: ids.map(({ id }) => id) }),
    ask('GET', `${data}/_normal_docs`),
    ask('GET', `${data}/_changes?include_docs=true`),
    ask('GET', `${couch}/_all_docs?include_docs=true&conflicts=true`),
    ask('GET', `${couch}/_changes?include_docs=true&style=all_docs`),
    ask('POST', `${couch}/_find`, find),
    ask('POST', `${couch}/_bulk_get?revs=true`, { docs: ids }),
    ask('POST', `${data}/_bulk_get?revs=true`, { docs: ids }),
    ...ids.flatMap(({ id }) => [
      ask('GET', `${data}/${id}`),
      ask('GET', `${data}/${id}?include=credentials`),
      ask('GET', `${data}/${id}?revs=true&revs_info=true`),
      ask('GET', `${data}/${id}?open_revs=all`),
      ask('GET', `${couch}/${id}?open_revs=all`),
      ask('GET', `${couch}/${id}?attachments=true`),
    ]),
  ]
  for (const read of await Promise.all(reads)) expect(read.text).not.toContain(secret)
  const table = await dump()
  expect(table).not.toContain(secret)
  expect(table).not.toContain(Buffer.from(secret).toString('hex'))
  expect(table).toContain('credentials_encrypted')
  expect(server.output.stdout + server.output.stderr).not.toContain(secret)
}

describe('a secret of an account', () => {
  test('written by every path is kept and shown by none', async () => {
    const data = `/data/${type}`
    const couch = `/couchdb/${type}`
    const answers = [
      await ask('POST', `${data}/`, account()),
      await ask('PUT', `${data}/put`, account()),
      await ask('POST', `${data}/_bulk_docs`, { docs: [account({ _id: 'bulk' })] }),
      await ask('POST', `${couch}/_bulk_docs`, { docs: [account({ _id: 'couch-bulk' })] }),
      await ask('PUT', `${couch}/couch-put`, account()),
      await ask('POST', couch, account({ _id: 'couch-post' })),
      await ask('POST', `${couch}/_bulk_docs`, {
        new_edits: false,
        docs: [
          account({ _id: 'replicated', _rev: '2-bb', _revisions: { start: 2, ids: ['bb', 'aa'] } }),
          account({ _id: 'replicated', _rev: '2-cc', _revisions: { start: 2, ids: ['cc', 'aa'] } }),
          account({ _id: 'replicated', _rev: '1-aa' }),
        ],
      }),
      await ask(
        'PUT',
        `${couch}/attached`,
        account({ _attachments: { a: { content_type: 'text/plain', data: 'eA==' } } }),
      ),
    ]
    for (const { status, text } of answers) {
      expect(status).toBeLessThan(300)
      expect(text).not.toContain(secret)
    }
    expect(answers[0]?.json()).toMatchObject({ data: { auth: { login: 'me' } } })

    const read = (await ask('GET', `${data}/put`)).json()
    const again = await ask('PUT', `${data}/put`, { ...account({ note: 'changed' }), _id: 'put', _rev: read['_rev'] })
    expect([again.status, again.text.includes(secret)]).toEqual([200, false])
    const headers = { authorization: `Bearer ${token}`, destination: 'copied' }
    expect((await server.fetch(`${couch}/put`, { method: 'COPY', headers })).status).toBe(201)
    await ask('POST', `${couch}/_index`, { index: { fields: ['auth.password'] } })
    await ask('POST', `${couch}/_find`, { selector: { 'auth.password': secret } })
    await expectHidden()
  })

  test('that comes back as it was read stays what it was', async () => {
    const read = (await ask('GET', `/data/${type}/bulk`)).json()
    await ask('PUT', `/data/${type}/bulk`, { ...read, note: 'mine' })
    const after = (await ask('GET', `/data/${type}/bulk`)).json()
    expect(after['auth']).toEqual(read['auth'] as JsonObject)
  })
})

describe('who logs in with an account', () => {
  async function readAs(audience: string, query = ''): Promise<JsonObject> {
    const prefix = await prefixOf(domain)
    const ref = { prefix, name: 'io.cozy.permissions' }
    const kind = audience === 'konn' ? 'konnectors' : 'apps'
    await bare.createDatabase(ref)
    await writeDocument(bare, {
      ref,
      id: `of-${kind}`,
      value: { type: kind, source_id: `io.cozy.${kind}/bank`, permissions: { a: { type } } },
    })
    const bearer = await server.token('', { audience, subject: 'bank' })
    return (await ask('GET', `/data/${type}/put${query}`, undefined, bearer)).json()
  }
  const clear = { auth: { login: 'me', password: secret, access_token: secret }, oauth: { refresh_token: secret } }

  test('a konnector reads it in clear', async () => {
    expect(await readAs('konn')).toMatchObject(clear)
  })
  test('an application does where it asks for it', async () => {
    expect(await readAs('app', '?include=credentials')).toMatchObject(clear)
    expect(JSON.stringify(await readAs('app'))).not.toContain(secret)
  })
  test('sealed secrets of another person stay closed in one’s own account', async () => {
    const mine = (await ask('GET', `/data/${type}/put`)).json()['auth']
    const other = `other.${domain}`
    await server.createInstance(other)
    const bearer = await server.token('*', { domain: other })
    const init = { headers: { host: other, authorization: `Bearer ${bearer}`, 'content-type': 'application/json' } }
    await server.fetch(`/data/${type}/stolen`, { ...init, method: 'PUT', body: JSON.stringify({ auth: mine }) })
    const ref = { prefix: await prefixOf(other), name: 'io.cozy.permissions' }
    await bare.createDatabase(ref)
    await writeDocument(bare, {
      ref,
      id: 'p',
      value: { type: 'konnector', source_id: 'io.cozy.konnectors/bank', permissions: { a: { type } } },
    })
    const konnector = await server.token('', { domain: other, audience: 'konn', subject: 'bank' })
    const read = await server.fetch(`/data/${type}/stolen`, {
      headers: { host: other, authorization: `Bearer ${konnector}` },
    })
    const text = await read.text()
    expect(read.status).toBe(200)
    expect(text).toContain('credentials_encrypted')
    expect(text).not.toContain(secret)
  })
})

test('accounts from before there was a key are sealed by the next start, old revisions and index entries too', async () => {
  const prefix = await prefixOf(domain)
  const ref = { prefix, name: type }
  const bodyOf = (value: object) => {
    const text = JSON.stringify(value)
    return makeBody('old', value as JsonObject, text, 1e9)
  }
  const body = bodyOf(account({ from: 'before' }))
  const written = await bare.write([{ ref, id: 'old', deleted: false, body, unknownParent: 'refuse' }])
  const first = written[0]
  if (first?.kind !== 'ok') throw new Error('not written')
  const second = bodyOf({ ...account({ from: 'before', turn: 2 }), exponent: '\u0000' })
  await bare.write([{ ref, id: 'old', parent: first.rev, deleted: false, body: second, unknownParent: 'refuse' }])
  const path = ['ee', 'dd']
  await bare.replicate(ref, [{ id: 'old', gen: 2, path, deleted: false, body }])
  expect(await dump()).toContain(secret)
  const before = (await ask('GET', `/couchdb/${type}/old?conflicts=true&revs=true`)).json()

  const sql = postgres(databaseUrl, { max: 1 })
  await sql`UPDATE docs SET body = body - 'accounts', raw = NULL WHERE id = 'secrets'`
  await sql.end()
  await server.stop()
  const env = { HEARTH_DATABASE_URL: databaseUrl, HEARTH_ADMIN_PASSPHRASE: server.passphrase }
  server = await startServer({ env, dataDir: server.dataDir, args: ['--log-level', 'debug'] })

  await expectHidden()
  const after = (await ask('GET', `/couchdb/${type}/old?conflicts=true&revs=true`)).json()
  for (const name of ['_rev', '_revisions', '_conflicts', 'from', 'exponent'])
    expect(after[name]).toEqual(before[name] as never)
  const found = await ask('POST', `/couchdb/${type}/_find`, { selector: { 'auth.password': { $gt: null } } })
  expect(found.json()['docs']).toEqual([])
}, 60_000)

describe('the key', () => {
  test('of an embedded server is made at the first start, readable by its owner only, and is not in the backup', async () => {
    const own = await startServer({ keepData: true })
    try {
      const file = join(own.dataDir, 'secrets.key')
      expect(statSync(file).mode & 0o777).toBe(0o600)
      const key = readFileSync(file, 'utf8').trim()
      expect(key).toMatch(/^[0-9a-f]{64}$/)
      const bearer = await own.token('*')
      await own.fetch(`/data/${type}/a`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        body: JSON.stringify(account()),
      })
      const backup = join(folder, 'one.hearth')
      const { code, stderr } = await runHearth(['backup', backup, '--data-dir', own.dataDir])
      expect({ code, said: stderr.includes(`${backup}.key`) }).toEqual({ code: 0, said: true })
      const saved = gunzipSync(readFileSync(backup)).toString('latin1')
      expect([saved.includes(secret), saved.includes(key), saved.includes('credentials_encrypted')]).toEqual([
        false,
        false,
        true,
      ])
      expect(statSync(`${backup}.key`).mode & 0o777).toBe(0o600)
      await own.stop()

      const restored = `${own.dataDir}-restored`
      expect((await runHearth(['restore', backup, '--data-dir', restored])).code).toBe(0)
      expect(readFileSync(join(restored, 'secrets.key'), 'utf8').trim()).toBe(key)

      rmSync(join(restored, 'secrets.key'))
      const missing = await startServer({ dataDir: restored }).catch((error: Error) => error.message)
      expect(String(missing)).toContain('the key of the secrets in the database is missing')
      expect(existsSync(join(restored, 'secrets.key'))).toBe(false)

      writeFileSync(join(restored, 'secrets.key'), `${'ab'.repeat(32)}\n`)
      chmodSync(join(restored, 'secrets.key'), 0o600)
      const wrong = await startServer({ dataDir: restored }).catch((error: Error) => error.message)
      expect(String(wrong)).toContain('is not the key with which the secrets in the database were encrypted')
    } finally {
      await own.stop()
      for (const place of [own.dataDir, `${own.dataDir}-restored`]) rmSync(place, { recursive: true, force: true })
    }
  }, 60_000)

  test('is asked for where the database is outside', async () => {
    const env = { HEARTH_DATABASE_URL: 'postgres://h/d', HEARTH_SECRETS_KEY: undefined }
    const { code, stderr } = await runHearth(['config', 'check', '--allow-local-objects'], { env })
    expect(code).toBe(2)
    expect(stderr).toContain('secrets.key: required when database_url is set')
  })
})

async function prefixOf(domain: string): Promise<string> {
  const response = await server.fetch(`${server.adminUrl}/instances/${domain}`, {
    headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
  })
  const { data } = (await response.json()) as { data: { attributes: { prefix: string } } }
  return data.attributes.prefix
}
