import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartupError } from '../../src/model/startup-error.ts'
import type { StoreFilling, TableContents } from '../backup/contract.ts'
import { readPostgres } from './backup.ts'
import { openPool, type Sql } from './connection.ts'
import { columnsOf, dataTables, derivedTables, passingTables } from './contents.ts'
import { type EmbeddedPostgres, openEmbeddedPostgres } from './embedded/server.ts'
import { migrate } from './migrate.ts'
import { fillPostgres } from './restore.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-restore-'))
let server: EmbeddedPostgres
let sql: Sql

beforeAll(async () => {
  chmodSync(folder, 0o711)
  server = await openEmbeddedPostgres({ dataDir: folder, log() {} })
  sql = openPool({ target: server.connection, maxConnections: 2 })
  await migrate(sql)
}, 60_000)

afterAll(async () => {
  await sql.end({ timeout: 1 })
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const columns = ['db', 'id', 'seq', 'gen', 'hash', 'parent', 'deleted', 'leaves', 'body', 'raw']
const docs: TableContents = { name: 'docs', columns, rows: 0 }
const row = (n: number, seq = n) => `1\tid${n}\t${seq}\t1\tabc\t\\N\tf\t1\t{}\t\\N\n`

async function* text(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

async function filling(work: (store: StoreFilling) => Promise<void>): Promise<unknown> {
  return fillPostgres(server.connection, '5', work).then(
    () => undefined,
    (error: unknown) => error,
  )
}

const indexes = () => sql`SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`

async function expectEmpty(): Promise<void> {
  for (const table of dataTables) expect(await sql`SELECT * FROM ${sql(table)}`).toHaveLength(0)
}

test('every table of the schema is saved', async () => {
  const tables = await sql<{ name: string }[]>`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`
  expect(tables.map(({ name }) => name).sort()).toEqual(
    [...dataTables, ...derivedTables, ...passingTables, 'hearth_schema'].sort(),
  )
  expect(await columnsOf(sql, 'docs')).toEqual(columns)
})

test('only the identity that last_database stands for makes numbers', async () => {
  const found = await sql`SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND (is_identity = 'YES' OR column_default LIKE 'nextval%')`
  expect([...found]).toEqual([{ table_name: 'databases', column_name: 'db' }])
})

describe('a refused restore leaves the tables empty and their indexes in place', () => {
  const many = Array.from({ length: 5_000 }, (_, n) => row(n)).join('')

  test.each<[string, () => AsyncIterable<Uint8Array>, RegExp]>([
    [
      'a row that is no row',
      () => text(row(1), 'x\n'),
      /PostgreSQL refuses what the backup has for docs: invalid input/,
    ],
    ['half a row at the end', () => text(many, '1\tid'), /refuses what the backup has for docs/],
    [
      'the same key twice, found only at the end',
      () => text(row(1), row(1, 2)),
      /refuses .* duplicate key .*docs_pkey/,
    ],
    ['a body that is no JSON', () => text(row(1).replace('{}', '{')), /refuses .* json/],
    ['much more data after the mistake', () => text('x\n', ...Array.from({ length: 40 }, () => many)), /refuses/],
  ])('%s', async (_what, data, message) => {
    const before = await indexes()
    const error = await filling((store) => store.load(docs, data()))
    expect(error).toBeInstanceOf(StartupError)
    expect((error as Error).message).toMatch(message)
    await expectEmpty()
    expect(await indexes()).toEqual(before)
  })

  test('the same sequence twice, which only an index shows', async () => {
    const error = await filling((store) => store.load(docs, text(row(1), row(2, 1))))
    expect(String(error)).toMatch(/docs_seq/)
    await expectEmpty()
  })

  test('the source fails', async () => {
    const broken = async function* () {
      yield* text(many)
      throw new StartupError('the disk is gone')
    }
    expect(await filling((store) => store.load(docs, broken()))).toEqual(new StartupError('the disk is gone'))
    await expectEmpty()
  })

  test('what was loaded is not what was wanted', async () => {
    const error = await filling(async (store) => {
      await store.load(docs, text(row(1)))
      throw new Error('not equal')
    })
    expect(error).toEqual(new Error('not equal'))
    await expectEmpty()
  })

  test('the connection breaks in the middle', async () => {
    const cut = async function* () {
      yield* text(many)
      await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hearth-copy'`
      for (let n = 0; n < 200; n++) yield* text(row(10_000 + n))
    }
    expect(await filling((store) => store.load(docs, cut()))).toBeInstanceOf(Error)
    await expectEmpty()
  })
})

test('a restored database goes on counting, has its indexes, and is read back the same', async () => {
  const before = await indexes()
  const names = await columnsOf(sql, 'databases')
  const databases: TableContents = { name: 'databases', columns: names, rows: 1 }
  const data = '3\tp\t\\\\N ü\t2\t2\t0\t0\t1000\t2026-01-02 03:04:05.678901+00\t0\n'
  const error = await filling(async (store) => {
    await store.load(databases, text(data))
    await store.load(docs, text(row(1), row(2)))
    expect((await store.contents()).databases).toEqual([
      { db: '3', prefix: 'p', name: '\\N ü', update_seq: '2', doc_count: '2', deleted_count: '0' },
    ])
  })
  expect(error).toBeUndefined()
  expect(await indexes()).toEqual(before)
  await readPostgres(server.connection, async (snapshot) => {
    const read = async (table: TableContents) => Buffer.concat(await Array.fromAsync(snapshot.read(table))).toString()
    // Sequences from before the restore are another database's.
    const [restored] = (await read(databases)).match(/\t\d+\n$/) ?? []
    expect(Number(restored)).toBeGreaterThan(0)
    expect([await read(databases), await read(docs)]).toEqual([data.replace('\t0\n', `${restored}`), row(1) + row(2)])
    expect(snapshot.contents.last_database).toBe('5')
    // Others' writes are not seen, and the snapshot does not stop them.
    await sql`INSERT INTO dropped VALUES (99)`
    expect(await read({ name: 'dropped', columns: ['db'], rows: 0 })).toBe('')
  })
  const broken = readPostgres(server.connection, async (snapshot) => {
    await sql`INSERT INTO docs SELECT 3, 'more' || n, 10 + n, 1, 'abc', NULL, false, 1, '{}', NULL
      FROM generate_series(1, 20000) AS n`
    for await (const _ of snapshot.read(docs)) {
      await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hearth-copy'`
    }
  })
  await expect(broken).rejects.toThrow()
  const [made] = await sql<{ db: string }[]>`INSERT INTO databases (prefix, name) VALUES ('a', 'b') RETURNING db`
  expect(made?.db).toBe('6')
  expect(String(await filling(async () => {}))).toMatch(/The database is not empty \(databases has rows\)/)
})
