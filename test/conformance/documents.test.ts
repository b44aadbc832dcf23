import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { StartupError } from '../../src/model/startup-error.ts'
import { readPostgres } from '../../storage/postgres/backup.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { schemaVersion } from '../../storage/postgres/migrate.ts'
import { changesSuite } from './changes.ts'
import { documentStoreSuite } from './documents.ts'
import { fileStoreSuite } from './files.ts'
import { bothPostgres, outside, plainSql, type Target } from './postgres-targets.ts'

const open = (target: Target, log: (event: string) => void = () => {}) =>
  openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 300, log })

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    let documents: Promise<Target> | undefined
    const openSame = async () => {
      documents ??= server.createDatabase()
      return open(await documents)
    }
    documentStoreSuite(server.name, openSame)
    changesSuite(server.name, openSame)
    fileStoreSuite(server.name, {
      open: openSame,
      duringBackup: async (work) => readPostgres((await documents) as Target, work),
    })

    describe('schema', () => {
      let target: Target
      let sql: postgres.Sql
      beforeAll(async () => {
        target = await server.createDatabase()
        sql = plainSql(target)
      }, 60_000)
      afterAll(() => sql.end({ timeout: 1 }))

      const schema = () => sql`
        SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
        WHERE table_schema = 'public' ORDER BY 1, ordinal_position`

      test('migrations are applied once, also by several processes at a time', async () => {
        const stores = await Promise.all(Array.from({ length: 4 }, () => open(target)))
        const before = await schema()
        const ref = { prefix: 'p', name: 'kept' }
        await stores[0]?.createDatabase(ref)
        for (const store of stores) await store.close()
        const again = await open(target)
        expect(await again.databaseInfo(ref)).toMatchObject({ docCount: 0 })
        await again.close()
        expect([...(await schema())]).toEqual([...before])
        expect([...(await sql`SELECT version FROM hearth_schema ORDER BY version`)]).toEqual(
          Array.from({ length: schemaVersion }, (_, at) => ({ version: at + 1 })),
        )
      })

      test('every key is led by the database', async () => {
        const rows = await sql<{ indexdef: string; tablename: string }[]>`
          SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' AND EXISTS (
            SELECT 1 FROM pg_attribute WHERE attrelid = format('%I', tablename)::regclass AND attname = 'db')`
        const others = rows.filter(({ indexdef }) => !/\(db[,)]/.test(indexdef)).map(({ indexdef }) => indexdef)
        expect(others.map((definition) => definition.replace(/^.* ON public\./, '')).sort()).toEqual([
          // Who asks for a database by name.
          'databases USING btree (prefix, name)',
          // The next one due, of whatever tenant.
          'trigger_schedule USING btree (next_at) WHERE (next_at IS NOT NULL)',
        ])
      })

      test('a newer schema is refused and left alone', async () => {
        await sql`INSERT INTO hearth_schema (version) VALUES (${schemaVersion + 1})`
        const before = await schema()
        await expect(open(target)).rejects.toThrow(StartupError)
        await expect(open(target)).rejects.toThrow(`schema version ${schemaVersion + 1}`)
        expect([...(await schema())]).toEqual([...before])
        await sql`DELETE FROM hearth_schema WHERE version > ${schemaVersion}`
        await (await open(target)).close()
      })

      test('another version of ICU rebuilds what depends on it, once', async () => {
        const version = () => sql`
          SELECT collversion = pg_collation_actual_version(oid) AS current FROM pg_collation WHERE collname = 'couch'`
        await sql`UPDATE pg_collation SET collversion = '1.1' WHERE collname = 'couch'`
        expect([...(await version())]).toEqual([{ current: false }])
        const [before] = await sql`SELECT pg_relation_filenode('entries_key') AS file`
        const told: string[] = []
        const log = (event: string) => void told.push(event)
        const stores = await Promise.all([1, 2, 3].map(() => open(target, log)))
        for (const store of stores) await store.close()
        expect(told).toEqual(['indexes rebuilt for another version of ICU'])
        expect([...(await version())]).toEqual([{ current: true }])
        const [after] = await sql`SELECT pg_relation_filenode('entries_key') AS file`
        expect(after).not.toEqual(before)
      })
    })
  })
}

describe.skipIf(!outside.available)('a server that cannot serve', () => {
  // What the server says of itself is taken from a schema in front of its own.
  test.each([
    [
      'an old one',
      `CREATE FUNCTION lies.current_setting(name text) RETURNS text LANGUAGE sql RETURN
         CASE name WHEN 'server_version_num' THEN '140012' ELSE pg_catalog.current_setting(name) END`,
      /PostgreSQL 14 is too old.*15/,
    ],
    ['one without ICU', 'CREATE TABLE lies.pg_collation AS SELECT * FROM pg_collation LIMIT 0', /without ICU/],
  ])('%s is refused before anything is made', async (_what, lie, reason) => {
    const target = String(await outside.createDatabase())
    const sql = plainSql(target)
    await sql.unsafe(`CREATE SCHEMA lies; ${lie};
      ALTER DATABASE ${new URL(target).pathname.slice(1)} SET search_path = lies, pg_catalog, public`)
    const opening = open(target)
    await expect(opening).rejects.toThrow(StartupError)
    await expect(opening).rejects.toThrow(reason)
    expect([...(await sql`SELECT 1 FROM pg_tables WHERE tablename IN ('hearth_schema', 'docs')`)]).toEqual([])
    await sql.end({ timeout: 1 })
  })

  test('another encoding is refused by name, with the remedy', async () => {
    const target = String(await outside.createDatabase())
    const admin = plainSql(target)
    await admin`DROP DATABASE IF EXISTS latin`
    await admin`CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`
    await admin.end({ timeout: 1 })
    const opening = open(target.replace(/[^/]+$/, 'latin'))
    await expect(opening).rejects.toThrow(StartupError)
    await expect(opening).rejects.toThrow(/LATIN1.*UTF8/)
  })
})
