/** nano's followers of changes, unmodified: longpolls one after the other, and a spool that is read line by line. */
import { beforeAll, expect, test } from 'bun:test'
import nano, { type DocumentScope, type ServerScope } from 'nano'
import { sharedServer } from '../support/server.ts'

const database = 'nano-followed'
let couch: ServerScope
/** A reader that was stopped stays so: each use has its own. */
const use = (): DocumentScope<{ n: number }> => couch.use(database)

beforeAll(async () => {
  const server = await sharedServer()
  const { host } = new URL(server.url)
  // fetch sets Host by the URL, so that the tenant must be named like the listener's address.
  await server.createInstance(host).catch((error: unknown) => {
    if (!String(error).includes('409')) throw error
  })
  const token = await server.token('*', { domain: host })
  couch = nano({
    url: `http://nano:${token}@${host}/couchdb`,
    parseUrl: false,
  } as nano.Configuration) as ServerScope
  await couch.db.destroy(database).catch(() => undefined)
  await couch.db.create(database)
}, 60_000)

test('batches as they are written', async () => {
  const db = use()
  const ids: string[] = []
  db.changesReader.start({ since: '0', batchSize: 2 }).on('change', ({ id }: { id: string }) => ids.push(id))
  for (let n = 0; n < 5; n++) await db.insert({ n }, `d${n}`)
  for (let wait = 0; wait < 50 && ids.length < 5; wait++) await Bun.sleep(50)
  db.changesReader.stop()
  expect(ids).toEqual(['d0', 'd1', 'd2', 'd3', 'd4'])
})

test('until there is no more', async () => {
  const ids: string[] = []
  const last = await new Promise((resolve, reject) => {
    const reader = use().changesReader.get({ since: '0', batchSize: 3, includeDocs: true, timeout: 200 })
    reader.on('batch', (batch: { id: string }[]) => ids.push(...batch.map(({ id }) => id)))
    reader.on('end', resolve)
    reader.on('error', reject)
  })
  expect(ids).toEqual(['d0', 'd1', 'd2', 'd3', 'd4'])
  expect(last).toMatch(/^5-/)
})

test('all at once, line by line', async () => {
  const ids: string[] = []
  const last = await new Promise((resolve, reject) => {
    const reader = use().changesReader.spool({ since: '0', batchSize: 2 })
    reader.on('batch', (batch: { id: string }[]) => ids.push(...batch.map(({ id }) => id)))
    reader.on('end', resolve)
    reader.on('error', reject)
  })
  expect(ids).toEqual(['d0', 'd1', 'd2', 'd3', 'd4'])
  expect(last).toMatch(/^5-/)
})
