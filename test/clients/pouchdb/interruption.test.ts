/** Replication across servers: two of them through one client, and one that is killed in the middle. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../support/postgres.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { contents, type Doc, eventually, failure, openLocal, type Pouch } from './pouch.ts'
import { faces, freshName, type Remote, remoteOf, sharedRemote } from './remote.ts'

const docs = (count: number, prefix = 'd'): Doc[] =>
  Array.from({ length: count }, (_, n) => ({ _id: `${prefix}${String(n).padStart(5, '0')}`, n, text: 'x'.repeat(100) }))

const dataDir = mkdtempSync(join(tmpdir(), 'hearth-pouch-'))
let server: TestServer
let remote: Remote
let restart: () => Promise<void>

beforeAll(async () => {
  const args = ['--port', String(await freePort())]
  const start = () => startServer({ dataDir, args, keepData: true })
  server = await start()
  remote = await remoteOf(server)
  restart = async () => {
    server = await start()
    // Connections of the process before are still in the client's pool, and fail when they are used again.
    await eventually(async () => {
      await Promise.all(Array.from({ length: 16 }, () => fetch(`${server.url}/healthz`)))
    })
  }
}, 60_000)

afterAll(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

for (const face of faces) {
  describe(`/${face}`, () => {
    test('two servers end equal through a client in between', async () => {
      const name = freshName()
      const [here, there, between] = [(await sharedRemote()).open(face, name), remote.open(face, name), openLocal()]
      await here.bulkDocs(docs(80, 'here'))
      await there.bulkDocs(docs(80, 'there'))
      for (const [n, db] of [here, there].entries()) {
        const { rev } = await db.put({ _id: 'both', by: n })
        await db.put({ _id: 'both', _rev: rev, by: n, again: true })
        const gone = await db.put({ _id: 'gone', by: n })
        if (n === 0) await db.remove('gone', gone.rev)
      }
      const branch = (hash: string, more: object = {}) => ({
        ...{ _id: 'fork', _rev: `3-${hash}`, _revisions: { start: 3, ids: [hash, 'm', 'r'] }, hash },
        ...more,
      })
      await here.bulkDocs([branch('a'), branch('c', { _deleted: true })], { new_edits: false })
      await there.bulkDocs([branch('b')], { new_edits: false })
      for (const db of [here, there, here, there]) await between.sync(db)
      const expected = await contents(here)
      expect(await contents(there)).toEqual(expected)
      expect(await contents(between)).toEqual(expected)
      for (const db of [here, there]) {
        const fork = await db.get('fork', { conflicts: true })
        expect([fork._rev, fork._conflicts]).toEqual(['3-b', ['3-a']])
        expect((await db.get('both', { conflicts: true }))._conflicts).toHaveLength(1)
        expect(await db.get('gone')).toMatchObject({ by: 1 })
      }
      expect((await here.info()).doc_count).toBe((await there.info()).doc_count)
    })

    test('a pull goes on from its checkpoint after the server was killed', async () => {
      const [source, local] = [remote.open(face, freshName()), openLocal()]
      await source.bulkDocs(docs(1_500))
      forgive(source)
      const first = local.replicate.from(source, { batch_size: 50, batches_limit: 1 })
      let killed: Promise<void> | undefined
      first.on('error', () => undefined)
      first.on('change', ({ docs_written }) => {
        if (Number(docs_written) >= 500) killed ??= server.kill()
      })
      expect(await failure(first)).toBeDefined()
      await killed
      const copied = (await local.info()).doc_count
      expect(copied).toBeGreaterThanOrEqual(500)
      expect(copied).toBeLessThan(1_500)
      await restart()
      const second = await local.replicate.from(source, { batch_size: 50 })
      expect(second).toMatchObject({ ok: true, docs_written: 1_500 - copied })
      // It did not look at the first ones again, but for the batches behind the last checkpoint.
      expect(second.docs_read).toBeLessThanOrEqual(1_500 - copied + 100)
      expect(await contents(local)).toEqual(await contents(source))
    }, 60_000)

    test('a push goes on from its checkpoint after the server was killed', async () => {
      const [target, local] = [remote.open(face, freshName()), openLocal()]
      await local.bulkDocs(docs(1_500))
      const first = local.replicate.to(target, { batch_size: 50, batches_limit: 1 })
      let killed: Promise<void> | undefined
      first.on('error', () => undefined)
      first.on('change', ({ docs_written }) => {
        if (Number(docs_written) >= 500) killed ??= server.kill()
      })
      expect(await failure(first)).toBeDefined()
      await killed
      await restart()
      const copied = (await target.info()).doc_count
      expect(copied).toBeGreaterThanOrEqual(500)
      const second = await local.replicate.to(target, { batch_size: 50 })
      expect(second).toMatchObject({ ok: true, docs_written: 1_500 - copied })
      expect(second.docs_read).toBeLessThanOrEqual(1_500 - copied + 100)
      expect(await contents(local)).toEqual(await contents(target))
    }, 60_000)

    test('a live sync outlives a kill by itself', async () => {
      const [target, local] = [remote.open(face, freshName()), openLocal()]
      const sync = local.sync(target, { live: true, retry: true, back_off_function: () => 200 })
      try {
        await local.bulkDocs(docs(20))
        await eventually(async () => expect((await target.info()).doc_count).toBe(20))
        await server.kill()
        await local.bulkDocs(docs(20, 'offline'))
        await restart()
        await eventually(async () => expect((await target.info()).doc_count).toBe(40))
        await target.put({ _id: 'afterwards' })
        await eventually(async () => expect(await local.get('afterwards')).toBeDefined())
      } finally {
        sync.cancel()
      }
      await sync
      expect(await contents(local)).toEqual(await contents(target))
    }, 60_000)
  })
}

/**
 * PouchDB asks `info` of the source behind each batch and forgets to catch its failure, which ends a test run: here a
 * failed one is never answered.
 */
function forgive(source: Pouch): void {
  const info = source.info.bind(source)
  source.info = () => info().catch(() => new Promise(() => {}))
}
