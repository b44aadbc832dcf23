/**
 * Whatever writers, compaction and sweeps do to each other: a document that names content has it, equal contents are
 * kept once, and in the end nothing is kept that no document names.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { prepareDocument } from '../../src/documents/document.ts'
import { openDocuments } from '../../src/documents/documents.ts'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import type { Documents } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { parseRevision } from '../../src/model/revision.ts'
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bothPostgres } from '../conformance/postgres-targets.ts'
import { memoryObjects } from '../support/memory-objects.ts'

/** Long beside what an edit takes, short beside the run. */
const leaseMs = 1_500
const runMs = 7_000
const contents = ['', 'a', 'bb', 'content', 'x'.repeat(100_000), 'é\u0000']
const names = ['one', 'two', 'a/b']
const ids = ['d0', 'd1', 'd2', 'd3', 'd4']

interface Doc {
  readonly _id: string
  readonly _rev: string
  readonly _attachments?: Readonly<Record<string, { readonly digest: string; readonly data?: string }>>
}

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    const objects = memoryObjects()
    const ref: DatabaseRef = { prefix: 'attached', name: 'db' }
    let stores: DocumentStore[] = []
    let services: Documents[] = []

    beforeAll(async () => {
      const target = await server.createDatabase()
      const options = { target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 200 }
      stores = [await openPostgresDocuments(options), await openPostgresDocuments(options)]
      services = stores.map((store) => openDocuments({ store, objects, attachmentLeaseMs: leaseMs }))
      await stores[0]?.createDatabase(ref)
    }, 60_000)
    afterAll(() => Promise.all(stores.map((store) => store.close())))

    const any = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T
    /** Shared ones are kept once; one that nobody else brings again shows that it was lost. */
    const content = () => (Math.random() < 0.5 ? any(contents) : crypto.randomUUID())
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const sweep = (store: DocumentStore) => store.attachments.sweep(100, (gone) => objects.delete(gone))

    async function leaves(service: Documents, id: string): Promise<readonly Doc[]> {
      const open = await service.openRevisions(ref, id, 'all')
      if (typeof open === 'string') return []
      return open.flatMap((one) => ('ok' in one ? [JSON.parse(one.ok.text) as Doc] : []))
    }

    /** Reads all contents of a document's leaves; one that was replaced meanwhile is read again. */
    async function check(service: Documents, id: string): Promise<void> {
      for (let attempt = 1; ; attempt += 1) {
        const wrong = await damage(service, id)
        if (wrong === undefined) return
        if (attempt === 5) throw new Error(`${id}: ${wrong}`)
      }
    }

    async function damage(service: Documents, id: string): Promise<string | undefined> {
      for (const { _rev, _attachments = {} } of await leaves(service, id)) {
        for (const name of Object.keys(_attachments)) {
          const read = await service.readAttachment(ref, id, name, parseRevision(_rev))
          if (read.kind !== 'found') return `${_rev} ${name} is ${read.kind}`
          const { digest, length } = read.attachment
          const stream = await service.openContent(ref, { digest, length })
          if (!stream) return `${_rev} ${name} has no content`
          const bytes = Buffer.concat(await Array.fromAsync(stream))
          if (createHash('md5').update(bytes).digest('base64') !== digest) return `${_rev} ${name} has another content`
        }
      }
      return undefined
    }

    const write = (service: Documents, body: object) => {
      const document = prepareDocument(parseJson(JSON.stringify(body)), { maxBytes: 1_000_000 })
      return service.bulk(ref, [document], { create: false })
    }

    const operations: Readonly<Record<string, (service: Documents, store: DocumentStore) => Promise<unknown>>> = {
      async inline(service) {
        const leaf = any(await leaves(service, any(ids)))
        const data = base64(content())
        await write(service, { _id: leaf?._id ?? any(ids), _rev: leaf?._rev, _attachments: { [any(names)]: { data } } })
      },
      async stubs(service) {
        const leaf = any(await leaves(service, any(ids)))
        if (!leaf) return
        const added = Math.random() < 0.5 ? { [any(names)]: { data: base64(content()) } } : {}
        await write(service, { ...leaf, n: Math.random(), _attachments: { ...leaf._attachments, ...added } })
      },
      async put(service) {
        const id = any(ids)
        const leaf = any(await leaves(service, id))
        const body = new Blob([content()]).stream()
        const rev = leaf && parseRevision(leaf._rev)
        await service.writeAttachment(
          ref,
          { id, name: any(names), rev, contentType: 'text/x', body },
          { create: false },
        )
      },
      async remove(service) {
        const leaf = any(await leaves(service, any(ids)))
        const name = any(Object.keys(leaf?._attachments ?? {}))
        if (leaf && name) await service.removeAttachment(ref, { id: leaf._id, name, rev: parseRevision(leaf._rev) })
      },
      async erase(service) {
        const leaf = any(await leaves(service, any(ids)))
        if (leaf) await service.remove(ref, leaf._id, parseRevision(leaf._rev))
      },
      async replicate(service) {
        const leaf = any(await leaves(service, any(ids)))
        if (!leaf) return
        const { gen, hash } = parseRevision(leaf._rev)
        const id = Math.random().toString(16).slice(2)
        // On a branch of its own half of the time: its stubs are then known by digest alone.
        const history = Math.random() < 0.5 ? [id, hash] : [id, 'other']
        const body = { ...leaf, _rev: undefined, _revisions: { start: gen + 1, ids: history } }
        const document = prepareDocument(parseJson(JSON.stringify(body)), { maxBytes: 1_000_000 })
        await service.replicate(ref, [document], { create: false })
      },
      async copy(service) {
        const to = any(ids)
        const target = any(await leaves(service, to))
        await service.copy(ref, { id: any(ids) }, { id: to, rev: target && parseRevision(target._rev) })
      },
      compact: (service) => service.compact(ref),
      sweep: (_, store) => sweep(store),
      check: (service) => check(service, any(ids)),
    }

    test('nothing is lost, nothing is kept twice, nothing stays', async () => {
      const kinds = Object.keys(operations)
      const until = performance.now() + runMs
      let done = 0
      const worker = async (n: number) => {
        const service = services[n % 2] as Documents
        while (performance.now() < until) {
          const kind = any(kinds)
          try {
            await operations[kind]?.(service, stores[n % 2] as DocumentStore)
            done += 1
          } catch (error) {
            // What it was to keep was deleted by another worker.
            if (!(error instanceof Problem) || error.code !== 'missing_stub') throw error
          }
        }
      }
      await Promise.all(Array.from({ length: 6 }, (_, n) => worker(n)))
      expect(done).toBeGreaterThan(100)

      const [service, store] = [services[0] as Documents, stores[0] as DocumentStore]
      await Bun.sleep(leaseMs + 200)
      await service.compact(ref)
      while ((await sweep(store)) > 0);
      const named = new Set<string>()
      for (const id of ids) {
        await check(service, id)
        for (const { _attachments = {} } of await leaves(service, id)) {
          for (const { digest } of Object.values(_attachments)) named.add(digest)
        }
      }
      expect(objects.held.size).toBe(named.size)

      for (const id of ids)
        for (const leaf of await leaves(service, id)) await service.remove(ref, id, parseRevision(leaf._rev))
      await service.compact(ref)
      while ((await sweep(store)) > 0);
      expect(objects.held.size).toBe(0)
    }, 60_000)

    test('a content that was lost is healed by whoever brings it again', async () => {
      const service = services[0] as Documents
      const attach = (id: string) => write(service, { _id: id, _attachments: { x: { data: base64('healed') } } })
      await attach('lost')
      for (const bring of [
        () => attach('again'),
        () => {
          const place = { id: 'put', name: 'x', contentType: 'text/x', body: new Blob(['healed']).stream() }
          return service.writeAttachment(ref, place, { create: false })
        },
      ]) {
        objects.held.clear()
        expect(await damage(service, 'lost')).toContain('has no content')
        await bring()
        expect(await damage(service, 'lost')).toBeUndefined()
        expect(objects.held.size).toBe(1)
      }
      for (const id of ['lost', 'again', 'put']) {
        for (const { _rev } of await leaves(service, id)) await service.remove(ref, id, parseRevision(_rev))
      }
      await Bun.sleep(leaseMs + 200)
      await service.compact(ref)
      while ((await sweep(stores[0] as DocumentStore)) > 0);
      expect(objects.held.size).toBe(0)
    }, 60_000)

    test('a dropped database leaves nothing behind', async () => {
      const [service, store] = [services[0] as Documents, stores[0] as DocumentStore]
      const other = { prefix: 'attached', name: 'dropped' }
      const body = { _id: 'a', _attachments: { x: { data: base64('dropped') } } }
      await service.bulk(other, [prepareDocument(parseJson(JSON.stringify(body)), { maxBytes: 1_000 })], {
        create: true,
      })
      expect(objects.held.size).toBe(1)
      await store.dropPrefix('attached')
      for (let turn = 0; objects.held.size > 0 && turn < 100; turn += 1) {
        await Bun.sleep(50)
        await sweep(store)
      }
      expect(objects.held.size).toBe(0)
    }, 60_000)
  })
}
