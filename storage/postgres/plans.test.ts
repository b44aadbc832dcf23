/**
 * Statements are planned once for each connection, often while databases are small, and must stay look-ups by key when
 * one of them grows: rows read are counted, since time would only tell on a large one.
 */
import { beforeAll, describe, expect, test } from 'bun:test'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { find } from '../../src/documents/queries.ts'
import { bodyOf } from '../../test/conformance/documents.ts'
import { bothPostgres, plainSql, type Target } from '../../test/conformance/postgres-targets.ts'
import type { DatabaseRef, DocumentStore, Edit, RevisionId } from '../documents/contract.ts'
import { openPostgresDocuments } from './documents.ts'

const many = 1_500

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    let target: Target
    const open = () => openPostgresDocuments({ target, maxConnections: 1, compiler: indexCompiler, sweepEveryMs: 0 })
    beforeAll(async () => {
      target = await server.createDatabase()
      const store = await open()
      for (let n = 0; n < 40; n += 1) await exercise(store, { prefix: 'small', name: `db${n}` }, 1)
      await store.close()
      const sql = plainSql(target)
      await sql`ANALYZE`
      await sql.end({ timeout: 1 })
    }, 60_000)

    /** Rows that index scans returned since the last reset, in tables whose rows belong to documents. */
    async function rowsRead(): Promise<number> {
      const sql = plainSql(target)
      // What a connection has read is counted when it is closed.
      await Bun.sleep(300)
      const [row] = await sql<{ n: string }[]>`
        SELECT sum(idx_tup_read) AS n FROM pg_stat_user_indexes WHERE relname IN ('docs', 'revs', 'locals')`
      await sql.end({ timeout: 1 })
      return Number(row?.n)
    }

    test('a database that grows is not read as a whole for each document', async () => {
      const store = await open()
      await exercise(store, { prefix: 'small', name: 'last' }, 1)
      const before = await rowsRead()
      await exercise(store, { prefix: 'large', name: 'db' }, many)
      await store.close()
      // Some forty look-ups a document; reading the database for each would be above a million.
      expect((await rowsRead()) - before).toBeLessThan(60 * many)
    }, 60_000)

    test('a query of indexed fields alone reads no document', async () => {
      const store = await open()
      const ref: DatabaseRef = { prefix: 'small', name: 'covered' }
      await store.createDatabase(ref)
      const views = { v: { map: { fields: { n: 'asc' } }, options: { def: { fields: ['n'] } } } }
      const bodies = { '_design/i': { language: 'query', views }, a: { n: 1, m: 1 }, b: { n: [1], m: 1 } }
      for (const [id, body] of Object.entries(bodies)) {
        await store.write([{ ref, id, deleted: false, body: bodyOf(body), unknownParent: 'refuse' }])
      }
      // What is in the documents is something else from now on, and only where they are read does it show.
      const sql = plainSql(target)
      await sql`UPDATE docs SET body = '{"n": ["read"]}' WHERE id IN ('a', 'b')`
      await sql.end({ timeout: 1 })
      const face = { defaultLimit: 25, refuseUnindexed: false }
      const ask = async (fields: string[]) => {
        const { docs } = await find(store, ref, { selector: { n: { $gt: null } }, fields }, face)
        return docs.map((text) => JSON.parse(text))
      }
      expect(await ask(['_id', 'n'])).toEqual([
        { _id: 'a', n: 1 },
        { _id: 'b', n: ['read'] },
      ])
      expect(await ask(['_id', 'n', 'm'])).toEqual([
        { _id: 'a', n: ['read'] },
        { _id: 'b', n: ['read'] },
      ])
      await store.close()
    }, 60_000)
  })
}

/** Everything that is asked of single documents, for `count` of them. */
async function exercise(store: DocumentStore, ref: DatabaseRef, count: number): Promise<void> {
  await store.createDatabase(ref)
  const ids = Array.from({ length: count }, (_, n) => `d${String(n).padStart(5, '0')}`)
  const edit = (id: string, more: Partial<Edit> = {}): Edit => ({
    ...{ ref, id, deleted: false, body: bodyOf({ id }), unknownParent: 'refuse' },
    ...more,
  })
  const parents = new Map<string, RevisionId>()
  await inParts(ids, async (part) => {
    const outcomes = await store.write(part.map((id) => edit(id)))
    for (const [at, outcome] of outcomes.entries()) if (outcome.kind === 'ok') parents.set(part[at]!, outcome.rev)
  })
  await inParts(ids, (part) => store.write(part.map((id) => edit(id, { parent: parents.get(id) }))))
  const branch = (id: string, hash: string) => ({
    ...{ id, gen: 2, path: [hash, 'r'], deleted: false },
    body: bodyOf({ hash }),
  })
  await inParts(ids, async (part) => {
    await store.replicate(
      ref,
      part.flatMap((id) => [branch(id, '0'), branch(id, 'z')]),
    )
    // The winner is deleted: another leaf takes its place.
    await store.replicate(
      ref,
      part.map((id) => ({ ...branch(id, 'y'), gen: 3, path: ['y', 'z', 'r'], deleted: true })),
    )
    await store.readTrees(ref, part)
    await store.readMany(ref, part, true)
    await store.readRevisions(
      ref,
      part.map((id) => ({ id, gen: 2, hash: '0' })),
    )
    await Promise.all(part.slice(0, 50).map((id) => store.read(ref, id)))
    for (const id of part.slice(0, 20)) await store.read(ref, id)
    for (const id of part.slice(0, 20)) await store.readRevision(ref, id, { gen: 2, hash: 'z' })
    for (const id of part.slice(0, 20)) await store.writeLocal(ref, { id: `_local/${id}`, text: '{}' })
    await store.readLocals(ref, part)
  })
  await store.compact(ref)
}

async function inParts(ids: readonly string[], work: (part: readonly string[]) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < ids.length; at += 250) await work(ids.slice(at, at + 250))
}
