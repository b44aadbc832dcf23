/** The repair of contents that lost their end, on the real server: it does what it says and nothing else. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import postgres from 'postgres'
import { postgresBin } from '../../support/postgres.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { newStage, type Stage } from './files-stage.ts'
import { objectPlaces } from './object-places.ts'

setDefaultTimeout(60_000)

const block = 65_536
const md5 = (content: Uint8Array | string) => createHash('md5').update(content).digest('base64')
const goTime = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})? \+0000 UTC$/)

const places = postgresBin() === undefined ? [] : objectPlaces()

describe.each(places)('the repair of contents, objects in $name', ({ env }) => {
  let server: TestServer
  let sql: postgres.Sql
  beforeAll(async () => {
    server = await startServer({ database: 'external', env: await env() })
    sql = postgres(server.databaseUrl ?? '', { max: 2, onnotice: () => {} })
  })
  afterAll(async () => {
    await sql?.end()
    await server?.stop()
  })

  const fix = async (stage: Stage, body?: string, type = 'application/json') => {
    const path = `/instances/${stage.domain}/fixers/content-mismatch`
    const init = body === undefined ? {} : { body, headers: { 'content-type': type } }
    const answer = await stage.admin('POST', path, init)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
    return (await answer.json()) as {
      dry_run: boolean
      updated: { filepath: string; id: string; created_at: string; updated_at: string }[]
      removed: { filepath: string; id: string; created_at: string; updated_at: string }[]
      domain: string
    }
  }

  /** All documents and revisions of the instance's files. */
  const everything = async (stage: Stage) => {
    const db = await stage.database()
    const versions = await stage.database('io.cozy.files.versions')
    return sql`
      SELECT db, id, seq, gen, hash, deleted, body::text, raw FROM docs WHERE db IN (${db}, ${versions}) ORDER BY db, id`
  }
  const objects = async (stage: Stage) => {
    const { objects_names } = (await (await stage.admin('GET', '/swift/vfs')).json()) as { objects_names: string[] }
    return objects_names
  }

  /** Files with one damage each, by name. */
  async function damaged(stage: Stage) {
    const directory = await stage.directory('d')
    const make = async (name: string, size: number, left: Uint8Array, parent = directory) => {
      const id = await stage.file(name, Buffer.alloc(size, name), parent)
      await stage.putObject(await stage.objectOf(id), left)
      return id
    }
    const cut = Buffer.alloc(block + 5, 'tail')
    const ids = {
      short: await make('short.txt', 3 * block + 5, cut),
      empty: await make('empty', 100, Buffer.alloc(0)),
      trashed: await make('trashed.txt', 2 * block, Buffer.alloc(block)),
      // Nothing that the repair is for:
      longer: await make('longer.txt', block, Buffer.alloc(2 * block)),
      same: await make('same.txt', block, Buffer.alloc(block, 'other')),
      odd: await make('odd.txt', 3 * block, Buffer.alloc(block + 1)),
      missing: await make('missing.txt', block, Buffer.alloc(0)),
      whole: await stage.file('whole.txt', 'whole', directory),
    }
    await stage.deleteObject(await stage.objectOf(ids.missing))
    expect((await stage.api('DELETE', `/files/${ids.trashed}`)).status).toBe(200)
    return { directory, cut, ids }
  }

  test('a dry run tells and changes nothing; it is what happens unless the body says otherwise', async () => {
    const stage = await newStage(server, sql)
    const { ids } = await damaged(stage)
    const before = [await everything(stage), await objects(stage)]
    const given = [
      undefined,
      '',
      '{}',
      '{"dry_run":true}',
      '{"dry_run":"false"}',
      '{"dry_run":0}',
      '{"dry_run":',
      '[]',
      'null',
      '\xff',
    ]
    for (const body of given) {
      const found = await fix(stage, body)
      expect(found).toEqual({
        dry_run: true,
        updated: [
          { filepath: '/d/short.txt', id: ids.short, created_at: goTime, updated_at: goTime },
          { filepath: '/d/empty', id: ids.empty, created_at: goTime, updated_at: goTime },
        ],
        removed: [{ filepath: '/.cozy_trash/trashed.txt', id: ids.trashed, created_at: goTime, updated_at: goTime }],
        domain: stage.domain,
      })
    }
    expect([await everything(stage), await objects(stage)]).toEqual(before)
  })

  test('repairs what it told, and nothing else', async () => {
    const stage = await newStage(server, sql)
    const { cut, directory, ids } = await damaged(stage)
    await stage.file('empty-corrupted', 'taken', directory)
    const before = await everything(stage)
    const namesBefore = await objects(stage)
    const trashedObject = await stage.objectOf(ids.trashed)
    const shortBefore = await stage.stored(ids.short)
    const told = await fix(stage)
    const done = await fix(stage, '{"dry_run":false}', 'text/plain')
    expect(done).toEqual({ ...told, dry_run: false })

    const repaired = await stage.stored(ids.short)
    const { _rev: revBefore, ...membersBefore } = shortBefore
    const { _rev, ...members } = repaired
    expect(String(_rev)).toMatch(/^2-/)
    expect(String(revBefore)).toMatch(/^1-/)
    expect(members).toEqual({
      ...membersBefore,
      name: 'short.txt-corrupted',
      size: `${cut.length}`,
      md5sum: md5(cut),
      cozyMetadata: { ...(membersBefore['cozyMetadata'] as object), updatedAt: expect.any(String) },
    })
    expect(await stage.stored(ids.empty)).toMatchObject({
      name: 'empty-corrupted (2)',
      size: '0',
      md5sum: md5(''),
    })
    const read = await stage.api('GET', `/files/download/${ids.short}`)
    expect(Buffer.from(await read.arrayBuffer()).equals(cut)).toBe(true)
    expect((await stage.api('GET', `/files/${ids.trashed}`)).status).toBe(404)

    const others = (rows: Awaited<ReturnType<typeof everything>>) =>
      rows.filter(({ id }) => ![ids.short, ids.empty, ids.trashed].includes(String(id)))
    expect(others(await everything(stage))).toEqual(others(before))
    const left = (await stage.fsck()).map(({ type, file_doc }) => [type, (file_doc as { name: string }).name])
    expect(left).toEqual([
      ['content_mismatch', 'longer.txt'],
      ['content_mismatch', 'same.txt'],
      ['content_mismatch', 'odd.txt'],
      ['filesystem_missing', 'missing.txt'],
    ])
    // The sweeper removes the object soon after, or has done so already.
    const names = await objects(stage)
    expect(names.filter((name) => name !== trashedObject)).toEqual(namesBefore.filter((name) => name !== trashedObject))
    expect(await fix(stage, '{"dry_run":false}')).toMatchObject({ updated: [], removed: [] })
  })

  test('the running total follows', async () => {
    const stage = await newStage(server, sql)
    await damaged(stage)
    await fix(stage, '{"dry_run":false}')
    const [row] = await sql`SELECT files FROM file_usage WHERE db = ${await stage.database()}`
    const [sum] = await sql`
      SELECT sum((body ->> 'size')::bigint) AS files FROM docs WHERE db = ${await stage.database()} AND NOT deleted AND body ? 'size'`
    expect(String(row?.['files'])).toBe(String(sum?.['files']))
  })

  test('tells who may not ask and what is not there', async () => {
    const stage = await newStage(server, sql)
    const path = `/instances/${stage.domain}/fixers/content-mismatch`
    expect((await stage.admin('POST', path, { headers: { authorization: '' } })).status).toBe(401)
    expect((await stage.admin('POST', path, { headers: { authorization: 'Basic eDp5' } })).status).toBe(403)
    expect((await stage.admin('GET', path)).status).toBe(404)
    expect((await stage.admin('POST', path, { body: ' '.repeat(100_000) })).status).toBe(413)
    const unknown = await stage.admin('POST', '/instances/nobody.localhost/fixers/content-mismatch')
    expect([unknown.status, (await unknown.json()).errors[0].detail]).toEqual([404, 'Instance not found'])
    expect((await stage.admin('POST', '/instances/nobody.localhost/fixers/anything')).status).toBe(404)
  })
})
