import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { plainSql } from '../../test/conformance/postgres-targets.ts'
import { postgresBin, startPostgres, type TestPostgres } from '../../test/support/postgres.ts'
import type { DatabaseRef, DocumentStore } from '../documents/contract.ts'
import { openPostgresDocuments } from './documents.ts'

const ref: DatabaseRef = { prefix: 'reconnect', name: 'db' }
const page = { descending: false, skip: 0, limit: 1, bodies: true }

/** Every way to read. */
const reads: readonly ((store: DocumentStore) => Promise<unknown>)[] = [
  (store) => store.read(ref, 'a'),
  (store) => store.readTree(ref, 'a'),
  (store) => store.readTrees(ref, ['a']),
  (store) => store.readRevision(ref, 'a', { gen: 1, hash: 'x' }),
  (store) => store.readRevisions(ref, [{ id: 'a', gen: 1, hash: 'x' }]),
  (store) => store.readMany(ref, ['a'], true),
  (store) => store.scanIds(ref, page),
  (store) => store.countIds(ref, {}),
  (store) => store.readLocal(ref, '_local/a'),
  (store) => store.readLocals(ref, ['_local/a']),
  (store) => store.scanLocals(ref, page),
  (store) => store.indexes(ref, { fresh: true }),
  (store) => store.changes(ref, { descending: false, limit: 1, bodies: true }),
  (store) => store.countChanges(ref, { descending: false, after: 0n }),
  (store) => store.databaseInfo(ref),
  (store) => store.listDatabases(ref.prefix),
  (store) => store.attachments.find(ref, { digest: 'x', length: 1 }),
  (store) => store.ping(),
]

describe.skipIf(postgresBin() === undefined)('connections to PostgreSQL die', () => {
  let postgres: TestPostgres
  let store: DocumentStore
  let target: string

  beforeAll(async () => {
    postgres = await startPostgres()
    target = await postgres.createDatabase()
    const options = { target, maxConnections: 8, compiler: indexCompiler, sweepEveryMs: 0, compactEveryMs: 0 }
    store = await openPostgresDocuments(options)
    await store.createDatabase(ref)
    await store.write([{ ref, id: 'a', deleted: false, body: bodyOf({}), unknownParent: 'refuse' }])
  }, 60_000)
  afterAll(async () => {
    await store?.close()
    await postgres?.stop()
  })

  const readAll = () => Promise.all(reads.map((read) => read(store)))

  test('all of them between two reads: no read fails', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      await readAll()
      const sql = plainSql(target)
      await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hearth'`
      await sql.end()
      await readAll()
    }
  }, 60_000)

  test('with the server, while reads are under way: once it is back no read fails', async () => {
    for (let outage = 0; outage < 3; outage += 1) {
      let isBack = false
      let ended = false
      const failed: unknown[] = []
      const readers = Array.from({ length: 16 }, async (_, n) => {
        for (let turn = n; !ended; turn += 1) {
          const beganBack = isBack
          await reads[turn % reads.length]?.(store).catch((error: unknown) => beganBack && failed.push(error))
          await Bun.sleep(1)
        }
      })
      await postgres.pause()
      await Bun.sleep(1_000)
      await postgres.resume()
      await untilServed(target)
      isBack = true
      for (let turn = 0; turn < 20; turn += 1) await readAll()
      ended = true
      await Promise.all(readers)
      expect(failed).toEqual([])
    }
  }, 60_000)
})

async function untilServed(target: string): Promise<void> {
  const sql = plainSql(target)
  const begun = Date.now()
  while (!(await sql`SELECT 1`.catch(() => undefined))) {
    if (Date.now() - begun > 30_000) throw new Error('PostgreSQL does not come back')
    await Bun.sleep(20)
  }
  await sql.end()
}
