/** What becomes of changes on their way to triggers, between processes that know more and less of each other. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { EventFeed } from '../../src/jobs/event-feed.ts'
import { openTriggers } from '../../src/jobs/triggers.ts'
import { silentLog } from '../../src/log.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { openPostgresDocuments, type PostgresStore } from '../../storage/postgres/documents.ts'
import { bodyOf } from '../conformance/documents.ts'
import { bothPostgres, plainSql, type Target } from '../conformance/postgres-targets.ts'

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`events: ${server.name}`, () => {
    let target: Target
    let sql: postgres.Sql
    let tenants = 0
    const opened: Process[] = []

    interface Process {
      readonly store: PostgresStore
      readonly feed: EventFeed
      readonly triggers: ReturnType<typeof openTriggers>
    }

    beforeAll(async () => {
      target = await server.createDatabase()
      sql = plainSql(target)
    }, 60_000)
    afterAll(async () => {
      for (const one of opened) await close(one)
      await sql?.end({ timeout: 1 })
    })

    /** A process of its own as far as events can tell. It looks at them when it is told to start. */
    async function open(): Promise<Process> {
      const store = await openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 0 })
      const feed = new EventFeed({
        ...{ store, jobs: store.jobs, log: silentLog, builtIn: [] },
        ancestors: async () => [],
        domainOf: async (prefix) => prefix,
      })
      const triggers = openTriggers({ store, jobs: store.jobs, refresh: (prefix) => feed.refresh(prefix) })
      const one = { store, feed, triggers }
      opened.push(one)
      return one
    }
    async function close({ store, feed }: Process) {
      await feed.close()
      await store.close()
    }
    async function newTenant({ store }: Process) {
      const prefix = `t${++tenants}.example`
      await store.createDatabase({ prefix, name: 'test.events' })
      return prefix
    }
    async function write(
      { store }: Process,
      prefix: string,
      id: string,
      value: object | undefined,
      parent?: RevisionId,
    ) {
      const ref = { prefix, name: 'test.events' }
      const body = bodyOf({ ...value })
      const [outcome] = await store.write([
        { ref, id, parent, deleted: value === undefined, body, unknownParent: 'refuse' },
      ])
      if (outcome?.kind !== 'ok') throw new Error(`not written: ${outcome?.kind}`)
      return outcome.rev
    }
    const addTrigger = async ({ triggers }: Pick<Process, 'triggers'>, prefix: string, rules = 'test.events') =>
      (
        await triggers.create({
          ...{ tenant: { prefix, domain: prefix }, type: '@event', worker: 'log', arguments: rules },
          ...{ message: null, debounce: '', options: null },
        })
      ).id
    /** What a trigger was told of, in order: `VERB id n`. */
    async function told(prefix: string, trigger: string) {
      const rows = await sql<{ body: string }[]>`SELECT body FROM job_queue WHERE prefix = ${prefix} ORDER BY n, id`
      const jobs = rows.map(({ body }) => JSON.parse(body)).filter(({ trigger_id }) => trigger_id === trigger)
      return jobs.map(({ event }) => {
        const { verb, doc } = JSON.parse(Buffer.from(event, 'base64').toString())
        return `${verb} ${doc._id} ${doc.n}`
      })
    }
    async function until(what: string, check: () => Promise<boolean>) {
      const deadline = Date.now() + 60_000
      while (!(await check())) {
        if (Date.now() > deadline) throw new Error(`${what} did not happen`)
        await Bun.sleep(20)
      }
    }

    test('a process that hears late of a trigger passes over nothing that was written since', async () => {
      const [one, two] = [await open(), await open()]
      const prefix = `t${++tenants}.example`
      const trigger = await addTrigger(one, prefix)
      await one.store.createDatabase({ prefix, name: 'test.events' })
      for (let n = 0; n < 3; n += 1) await write(n === 1 ? two : one, prefix, `d${n}`, { n })
      await two.feed.refresh()
      two.feed.start()
      await until('its jobs', async () => (await told(prefix, trigger)).length >= 3)
      expect(await told(prefix, trigger)).toEqual(['CREATED d0 0', 'CREATED d1 1', 'CREATED d2 2'])
      for (const process of [one, two]) await close(process)
    }, 100_000)

    test('a process that knows old triggers only tells new ones too', async () => {
      const [one, two] = [await open(), await open()]
      const prefix = await newTenant(one)
      const old = await addTrigger(two, prefix)
      two.feed.start()
      await write(two, prefix, 'before', { n: 0 })
      await until('the job of the old trigger', async () => (await told(prefix, old)).length === 1)
      const silent = { ...one.store.jobs, wakeTriggers: () => {} }
      const triggers = openTriggers({ store: one.store, jobs: silent, refresh: async () => {} })
      const added = await addTrigger({ triggers }, prefix)
      await write(two, prefix, 'd', { n: 1 })
      await until('its next job', async () => (await told(prefix, old)).length === 2)
      expect(await told(prefix, added)).toEqual(['CREATED d 1'])
      for (const process of [one, two]) await close(process)
    }, 100_000)

    test('what was superseded before anybody looked is told by a process that did not write it', async () => {
      const [one, two] = [await open(), await open()]
      const prefix = await newTenant(one)
      const trigger = await addTrigger(one, prefix)
      let rev = await write(one, prefix, 'a', { n: 1 })
      await write(one, prefix, 'b', { n: 10 })
      for (const n of [2, 3]) rev = await write(one, prefix, 'a', { n }, rev)
      await write(one, prefix, 'a', undefined, rev)
      await write(one, prefix, 'a', { n: 4 })
      two.feed.start()
      await until('its jobs', async () => (await told(prefix, trigger)).length >= 6)
      expect(await told(prefix, trigger)).toEqual([
        'CREATED a 1',
        'CREATED b 10',
        'UPDATED a 2',
        'UPDATED a 3',
        'DELETED a 3',
        'CREATED a 4',
      ])
      for (const process of [one, two]) await close(process)
    }, 100_000)

    test('a trigger is told of nothing from before it was made, whatever was told before', async () => {
      const one = await open()
      one.feed.start()
      const prefix = await newTenant(one)
      await write(one, prefix, 'never', { n: 0 })
      const first = await addTrigger(one, prefix)
      await write(one, prefix, 'first', { n: 1 })
      await until('its job', async () => (await told(prefix, first)).length > 0)
      await one.triggers.remove(prefix, first)
      await write(one, prefix, 'between', { n: 2 })
      const second = await addTrigger(one, prefix)
      await write(one, prefix, 'second', { n: 3 })
      await until('its job', async () => (await told(prefix, second)).length > 0)
      expect(await told(prefix, first)).toEqual(['CREATED first 1'])
      expect(await told(prefix, second)).toEqual(['CREATED second 3'])
      await close(one)
    }, 100_000)

    test('many triggers wait for large documents -> some at a time are told, each once and in order', async () => {
      const one = await open()
      const prefix = await newTenant(one)
      const triggers: string[] = []
      for (let n = 0; n < 6; n += 1) triggers.push(await addTrigger(one, prefix))
      const text = 'x'.repeat(350_000)
      for (let n = 0; n < 10; n += 1) await write(one, prefix, `d${n}`, { n, text })
      const sizes: number[] = []
      const feed = new EventFeed({
        ...{ store: one.store, log: silentLog, builtIn: [] },
        jobs: {
          ...one.store.jobs,
          eventsDone(ref, place, until, jobs) {
            sizes.push(jobs.reduce((sum, { body }) => sum + body.text.length, 0))
            return one.store.jobs.eventsDone(ref, place, until, jobs)
          },
        },
        ancestors: async () => [],
        domainOf: async (name) => name,
      })
      await feed.refresh()
      feed.start()
      await write(one, prefix, 'd10', { n: 10 })
      const all = Array.from({ length: 11 }, (_, n) => `CREATED d${n} ${n}`)
      await until('all jobs', async () => {
        const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM job_queue WHERE prefix = ${prefix}`
        return row?.n === triggers.length * all.length
      })
      for (const trigger of triggers) expect(await told(prefix, trigger)).toEqual(all)
      // One document more than fits, with its six copies.
      expect(Math.max(...sizes)).toBeLessThan(20 * 1024 * 1024)
      expect(Math.max(...sizes)).toBeGreaterThan(16 * 1024 * 1024)
      await feed.close()
      await close(one)
    }, 100_000)

    test('a page holds no more bytes than it may, and at least one document', async () => {
      const one = await open()
      const prefix = await newTenant(one)
      const ref = { prefix, name: 'test.events' }
      const text = 'x'.repeat(100_000)
      for (let n = 0; n < 10; n += 1) await write(one, prefix, `d${n}`, { n, text })
      const pageSizes = async (bytes: number, rows = 200) => {
        const sizes: number[] = []
        let after = 0n
        for (;;) {
          const place = await one.store.jobs.eventPlace(ref)
          if (place === undefined) throw new Error('no database')
          const found = await one.store.jobs.eventPage(place, { after, rows, bytes })
          after = found.until
          sizes.push(found.rows.length)
          if (!found.full) return sizes
        }
      }
      expect(await pageSizes(10_000_000)).toEqual([10])
      expect(await pageSizes(350_000)).toEqual([3, 3, 3, 1])
      expect(await pageSizes(10_000_000, 4)).toEqual([4, 4, 2])
      expect(await pageSizes(1)).toEqual(Array(10).fill(1))
      await close(one)
    }, 100_000)
  })
}
