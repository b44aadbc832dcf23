/** Replication across servers: two of them through one client. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../support/postgres.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { contents, type Doc, openLocal } from './pouch.ts'
import { faces, freshName, type Remote, remoteOf, sharedRemote } from './remote.ts'

const docs = (count: number, prefix = 'd'): Doc[] =>
  Array.from({ length: count }, (_, n) => ({ _id: `${prefix}${String(n).padStart(5, '0')}`, n, text: 'x'.repeat(100) }))

const dataDir = mkdtempSync(join(tmpdir(), 'hearth-pouch-'))
let server: TestServer
let remote: Remote

beforeAll(async () => {
  const args = ['--port', String(await freePort())]
  server = await startServer({ dataDir, args, keepData: true })
  remote = await remoteOf(server)
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
  })
}
