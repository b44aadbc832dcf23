/**
 * Replications whose server is killed in the middle: they go on from their checkpoint, once or by themselves, and end
 * equal. PouchDB runs in a process of its own, which outlives its server.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type PouchProcess, startPouch } from './child-process.ts'
import { type Death, type MortalServer, startMortalServer } from './mortal-server.ts'
import { contents, eventually } from './pouch.ts'
import { type FaceName, faces, freshName } from './remote.ts'

const size = 2_000
const batch_size = 50
/** Questions of one replication that begins at the start. */
const batches = size / batch_size
/** Documents after which the server dies. */
const middle = size / 4
const deaths: readonly Death[] = ['server', 'all']

let server: MortalServer
beforeAll(async () => {
  server = await startMortalServer()
}, 60_000)
afterAll(() => server.stop())

/** A client, and a name for a database on the server. */
async function withPouch(work: (pouch: PouchProcess, name: string) => Promise<void>): Promise<void> {
  const pouch = startPouch()
  try {
    await work(pouch, freshName())
  } finally {
    pouch.stop()
  }
}

async function fillServer(name: string, count: number, prefix = 'd'): Promise<void> {
  const path = `/couchdb/${name}`
  expect([201, 412]).toContain((await server.remote.fetch(path, { method: 'PUT' })).status)
  for (let from = 0; from < count; from += 500) {
    const docs = Array.from({ length: Math.min(500, count - from) }, (_, n) => ({
      _id: `${prefix}${String(from + n).padStart(5, '0')}`,
      text: 'x'.repeat(200),
    }))
    const answer = await server.remote.fetch(`${path}/_bulk_docs`, { method: 'POST', body: JSON.stringify({ docs }) })
    expect(answer.status).toBe(201)
    await answer.text()
  }
}

async function expectEqual(pouch: PouchProcess, face: FaceName, name: string, leaves: number): Promise<void> {
  const here = (await pouch.ask({ order: 'contents' }, 'contents')).leaves
  // A line for each leaf and one for each document.
  expect(here).toHaveLength(2 * leaves)
  expect(JSON.parse(JSON.stringify(await contents(server.remote.open(face, name))))).toEqual(here)
}

/** Documents of the client, deleted ones too. */
async function held(pouch: PouchProcess): Promise<number> {
  return (await pouch.ask({ order: 'contents' }, 'contents')).leaves.length / 2
}

for (const face of faces) {
  describe(`a server that dies, /${face}`, () => {
    for (const death of deaths) {
      for (const direction of ['pull', 'push'] as const) {
        test(`a ${direction} goes on where it was (${death} killed)`, async () => {
          await withPouch(async (pouch, name) => {
            const url = server.remote.url(face, name)
            const order = { order: direction, url, options: { batch_size } } as const
            if (direction === 'pull') await fillServer(name, size)
            else await pouch.ask({ order: 'fill', prefix: 'd', count: size }, 'done')

            pouch.tell(order)
            await pouch.next('change', ({ written }) => written >= middle)
            const failed = pouch.next('failed')
            await server.kill(death)
            await failed
            const written = Math.max(...pouch.reports.map((one) => (one.report === 'change' ? one.written : 0)))
            expect(written).toBeLessThan(size)

            await server.restart()
            const resumed = await pouch.ask(order, 'complete')
            expect(resumed.failures).toBe(0)
            // What was told was kept; a batch more may have been under way.
            expect(resumed.read).toBeLessThanOrEqual(size - written)
            expect(resumed.read).toBeGreaterThanOrEqual(size - written - 2 * batch_size)
            const asked = await server.answered(direction === 'pull' ? '/_changes' : '/_revs_diff')
            expect(asked).toBeGreaterThan(0)
            // Without a checkpoint it would look at all of them again, also at those that are there.
            expect(asked).toBeLessThanOrEqual(batches - Math.floor(written / batch_size) + 3)
            await expectEqual(pouch, face, name, size)
          })
        }, 60_000)
      }
    }

    test('a live pull comes back by itself', async () => {
      await withPouch(async (pouch, name) => {
        await fillServer(name, size)
        const options = { live: true, retry: true, batch_size }
        pouch.tell({ order: 'pull', url: server.remote.url(face, name), options })
        await pouch.next('change', ({ written }) => written >= middle)
        const offline = pouch.next('paused', ({ error }) => error)
        await server.kill('all')
        await offline
        const written = await held(pouch)
        expect(written).toBeLessThan(size)

        await server.restart()
        await eventually(async () => expect(await held(pouch)).toBe(size), 30_000)
        const batchesLeft = batches - Math.floor(written / batch_size)
        expect(await server.answered('/_bulk_get')).toBeLessThanOrEqual(batchesLeft + 1)
        await fillServer(name, 10, 'later')
        await eventually(async () => expect(await held(pouch)).toBe(size + 10))
        await pouch.ask({ order: 'cancel' }, 'complete')
        await expectEqual(pouch, face, name, size + 10)
      })
    }, 60_000)

    test('a live push comes back by itself', async () => {
      await withPouch(async (pouch, name) => {
        await pouch.ask({ order: 'fill', prefix: 'd', count: size }, 'done')
        const options = { live: true, retry: true, batch_size }
        pouch.tell({ order: 'push', url: server.remote.url(face, name), options })
        const { written } = await pouch.next('change', (change) => change.written >= middle)
        const offline = pouch.next('paused', ({ error }) => error)
        await server.kill('server')
        await offline
        await pouch.ask({ order: 'fill', prefix: 'later', count: 10 }, 'done')

        await server.restart()
        const there = async () => {
          const answer = await server.remote.fetch(`/couchdb/${name}`)
          return ((await answer.json()) as { doc_count: number }).doc_count
        }
        await eventually(async () => expect(await there()).toBe(size + 10), 30_000)
        expect(await server.answered('/_revs_diff')).toBeLessThanOrEqual(batches - Math.floor(written / batch_size) + 3)
        await pouch.ask({ order: 'cancel' }, 'complete')
        await expectEqual(pouch, face, name, size + 10)
      })
    }, 60_000)

    test('a live sync outlives its server, again and again', async () => {
      await withPouch(async (pouch, name) => {
        await fillServer(name, 300, 'there')
        await pouch.ask({ order: 'fill', prefix: 'here', count: 300 }, 'done')
        const options = { live: true, retry: true, batch_size }
        pouch.tell({ order: 'sync', url: server.remote.url(face, name), options })
        let expected = 600
        for (const [round, death] of [...deaths, ...deaths].entries()) {
          // The first two rounds die with work under way, the others while it waits.
          if (round < 2) await pouch.next('change')
          else await eventually(async () => expect(await held(pouch)).toBe(expected), 30_000)
          await server.kill(death)
          await pouch.ask({ order: 'fill', prefix: `here-${round}-`, count: 60 }, 'done')
          await server.restart()
          await fillServer(name, 60, `there-${round}-`)
          expected += 120
        }
        await eventually(async () => {
          expect(await held(pouch)).toBe(expected)
          const answer = await server.remote.fetch(`/couchdb/${name}`)
          expect(((await answer.json()) as { doc_count: number }).doc_count).toBe(expected)
        }, 30_000)
        await pouch.ask({ order: 'cancel' }, 'complete')
        await expectEqual(pouch, face, name, expected)
      })
    }, 120_000)
  })
}
