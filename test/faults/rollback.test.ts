/** An update is taken back: the program before it starts on what the newer one has made of the database. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { schemaVersion } from '../../storage/postgres/migrate.ts'
import { runHearth, startServer } from '../support/server.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'hearth-rollback-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

test('what was written before, by the newer program and after the rollback is read; other schemas are refused', async () => {
  const first = await startServer({ database: 'external', dataDir })
  const { databaseUrl, domain } = first
  const put = async (server: typeof first, id: string) => {
    const headers = { authorization: `Bearer ${await server.token('*')}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ id })
    return (await server.fetch(`/data/org.example.rollback/${id}`, { method: 'PUT', headers, body })).status
  }
  expect(await put(first, 'before')).toBe(200)
  await first.stop()

  // What an update may do until it is confirmed: add. Its program writes, and what it adds is filled in.
  const sql = postgres(databaseUrl ?? '', { max: 1, onnotice: () => {} })
  const newer = schemaVersion + 1
  await sql.unsafe(`
    ALTER TABLE docs ADD COLUMN added int NOT NULL DEFAULT 7;
    CREATE TABLE added (n int PRIMARY KEY);
    INSERT INTO added VALUES (1);
    INSERT INTO hearth_schema (version, oldest) VALUES (${newer}, ${schemaVersion});`)

  const env = { HEARTH_DATABASE_URL: databaseUrl }
  const second = await startServer({ dataDir, env })
  expect(second.domain).toBe(domain)
  expect(await put(second, 'after')).toBe(200)
  const headers = { authorization: `Bearer ${await second.token('*')}` }
  const listed = (await (await second.fetch('/data/org.example.rollback/_all_docs', { headers })).json()) as {
    rows: { id: string }[]
  }
  expect(listed.rows.map(({ id }) => id)).toEqual(['after', 'before'])
  await second.stop()
  const rows = await sql`SELECT DISTINCT added FROM docs`
  expect([...rows]).toEqual([{ added: 7 }])

  await sql`UPDATE hearth_schema SET oldest = ${newer} WHERE version = ${newer}`
  await sql.end()
  const args = ['serve', '--data-dir', dataDir, '--port', '0', '--admin-port', '0', '--allow-local-objects']
  const { code, stderr } = await runHearth(args, { env })
  expect([code, stderr]).toEqual([1, expect.stringContaining(`schema version ${newer}`)])
}, 180_000)
