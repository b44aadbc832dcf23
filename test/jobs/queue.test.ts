/** The queue on both kinds of PostgreSQL: once each, in turns, again after failures, and after the death of a process. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { openJobs } from '../../src/jobs/jobs.ts'
import { JobFailure, type Jobs, type Task, type Worker } from '../../src/jobs/service.ts'
import { silentLog } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import { jobsDoctype } from '../../storage/jobs/contract.ts'
import { openPostgresDocuments, type PostgresStore } from '../../storage/postgres/documents.ts'
import { bothPostgres, plainSql, type Target } from '../conformance/postgres-targets.ts'

/** Every tenant there is: domains are their prefixes. */
const instances = {
  async byHost(host: string) {
    return { id: host, rev: '1-a', domain: host, aliases: [], prefix: host, document: {} }
  },
}

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(`jobs: ${server.name}`, () => {
    const jobCount = process.env['HEARTH_TEST_FULL'] ? 10_000 : 2_000
    let target: Target
    let sql: postgres.Sql
    const opened: { store: PostgresStore; jobs: Jobs }[] = []
    let tenants = 0

    beforeAll(async () => {
      target = await server.createDatabase()
      sql = plainSql(target)
    }, 60_000)
    afterAll(async () => {
      for (const one of [...opened]) await close(one)
      await sql?.end({ timeout: 1 })
    })

    /** A process of its own as far as the queue can tell. */
    async function open(workers: readonly Worker[], { leaseMs = 30_000, begin = true } = {}) {
      const store = await openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 0 })
      const limits = { max_exec_count: 3, max_timeout: 60 }
      const settings = { concurrency: 64, take_over_after: leaseMs / 1000, ...limits, workers: {} }
      const jobs = openJobs({ store, jobs: store.jobs, instances, log: silentLog, settings })
      for (const worker of workers) jobs.register(worker)
      if (begin) jobs.start()
      const one = { store, jobs }
      opened.push(one)
      return one
    }
    async function close(one: { store: PostgresStore; jobs: Jobs }) {
      if (!opened.includes(one)) return
      opened.splice(opened.indexOf(one), 1)
      await one.jobs.close()
      await one.store.close()
    }
    const fresh = () => {
      const name = `t${++tenants}.example`
      return { prefix: name, domain: name }
    }
    const until = async (check: () => boolean | Promise<boolean>) => {
      const deadline = Date.now() + 60_000
      while (!(await check())) {
        if (Date.now() > deadline) throw new Error('it did not happen')
        await Bun.sleep(10)
      }
    }
    const entries = async () => Number((await sql`SELECT count(*) AS n FROM job_queue`)[0]?.['n'])

    test('a job is a document that goes from queued over running to done, and its entry is gone', async () => {
      const states: string[] = []
      const seen: Task[] = []
      const tenant = fresh()
      const one = await open([{ name: 'log', run: async (task) => void seen.push(task) }], { begin: false })
      one.store.watch(
        { prefix: tenant.prefix, name: jobsDoctype },
        () => {},
        ({ text }) => states.push(JSON.parse(text).state),
      )
      const job = await one.jobs.push({ tenant, worker: 'log', message: { n: 12345678901234567890n } })
      expect(job).toMatchObject({ state: 'queued', worker: 'log', members: { domain: tenant.domain, event: null } })
      one.jobs.start()
      await until(async () => (await one.jobs.find(tenant.prefix, job.id))?.state === 'done')
      expect(seen).toMatchObject([{ id: job.id, tenant, attempt: 1, deaths: 0, trusted: true }])
      const found = await one.jobs.find(tenant.prefix, job.id)
      expect(JSON.stringify(found?.members['message'])).toBe('{"n":12345678901234567890}')
      expect(found?.rev).toStartWith('3-')
      expect(await entries()).toBe(0)
      await close(one)
    })

    test('an unknown worker is refused, a known one that is missing here fails with the reason', async () => {
      const tenant = fresh()
      const one = await open([])
      expect(one.jobs.push({ tenant, worker: 'nonsense', message: null })).rejects.toMatchObject({ code: 'not_found' })
      const job = await one.jobs.push({ tenant, worker: 'sms', message: null })
      await until(async () => (await one.jobs.find(tenant.prefix, job.id))?.state === 'errored')
      expect((await one.jobs.find(tenant.prefix, job.id))?.members['error']).toBe('this server has no worker sms')
      await close(one)
    })

    test('a failure is tried again as often as the job says, and its last reason is kept', async () => {
      const tenant = fresh()
      const attempts: number[] = []
      const one = await open([
        {
          name: 'log',
          retryDelayMs: () => 1,
          async run({ attempt, message }) {
            attempts.push(attempt)
            if (message === 'secret') throw new Error('has a secret in it')
            if (attempt < Number(message)) throw new JobFailure(`failure ${attempt}`)
          },
        },
      ])
      const ended = async (message: string | number, maxExecCount: number) => {
        const { id } = await one.jobs.push({ tenant, worker: 'log', message, options: { maxExecCount } })
        await until(async () => ['done', 'errored'].includes((await one.jobs.find(tenant.prefix, id))?.state ?? ''))
        return (await one.jobs.find(tenant.prefix, id))?.members
      }
      const good = await ended(3, 3)
      expect(good).toMatchObject({ state: 'done', options: { max_exec_count: 3 } })
      expect(good).not.toHaveProperty('error')
      expect(await ended(4, 3)).toMatchObject({ state: 'errored', error: 'failure 3' })
      expect(await ended('secret', 1)).toMatchObject({ state: 'errored', error: 'the worker failed' })
      expect(attempts).toEqual([1, 2, 3, 1, 2, 3, 1])
      await close(one)
    })

    test('what a client asks for beyond the limits is cut to them, unless the worker allows more', async () => {
      const tenant = fresh()
      const attempts = new Map<string, number>()
      const fails = (name: string, maxExecCount: number): Worker => ({
        ...{ name, maxExecCount },
        retryDelayMs: () => 1,
        async run({ attempt }) {
          attempts.set(name, attempt)
          throw new JobFailure('again')
        },
      })
      const one = await open([fails('log', 1), fails('sendmail', 5), fails('zip', 1)])
      const order = { tenant, message: null, options: { maxExecCount: 40 } }
      const jobs = [
        { ...order, worker: 'log', fromClient: true },
        { ...order, worker: 'sendmail', fromClient: true },
        { ...order, worker: 'zip', options: { maxExecCount: 7 } },
      ]
      for (const { id } of await one.jobs.pushAll(jobs)) {
        await until(async () => (await one.jobs.find(tenant.prefix, id))?.state === 'errored')
      }
      expect(attempts).toEqual(
        new Map([
          ['log', 3],
          ['sendmail', 5],
          ['zip', 7],
        ]),
      )
      await close(one)
    })

    test('a job that takes too long is told to end and fails', async () => {
      const tenant = fresh()
      const one = await open([
        {
          name: 'log',
          run: ({ signal }) =>
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        },
      ])
      const { id } = await one.jobs.push({ tenant, worker: 'log', message: null, options: { timeout: 0.05 } })
      await until(async () => (await one.jobs.find(tenant.prefix, id))?.state === 'errored')
      expect((await one.jobs.find(tenant.prefix, id))?.members['error']).toBe('timeout')
      await close(one)
    })

    test('a job whose store fails again and again ends when it answers', async () => {
      const tenant = fresh()
      const one = await open([])
      const { store } = one
      const failing = <Args extends unknown[], Result>(times: number, work: (...args: Args) => Promise<Result>) => {
        let left = times
        return (...args: Args) =>
          left-- > 0 ? Promise.reject(new Problem('store_unavailable', 'It does not answer.')) : work(...args)
      }
      const jobs = openJobs({
        ...{ store, log: silentLog, instances: { byHost: failing(2, instances.byHost) } },
        jobs: { ...store.jobs, record: failing(5, store.jobs.record) },
        settings: { concurrency: 4, take_over_after: 30, max_exec_count: 3, max_timeout: 60, workers: {} },
      })
      jobs.register({ name: 'zip', run: async () => {} })
      await one.jobs.close()
      jobs.start()
      const { id } = await jobs.push({ tenant, worker: 'zip', message: null })
      await until(async () => (await jobs.find(tenant.prefix, id))?.state === 'done')
      expect(await entries()).toBe(0)
      await jobs.close()
      await close(one)
    })

    test('a tenant with very many jobs does not hold up another one', async () => {
      const [noisy, quiet] = [fresh(), fresh()]
      const order: string[] = []
      const worker: Worker = { name: 'log', concurrency: 4, run: async ({ tenant }) => void order.push(tenant.prefix) }
      const one = await open([worker], { begin: false })
      const many = Array.from({ length: 300 }, (_, n) => ({ tenant: noisy, worker: 'log', message: n }))
      await one.jobs.pushAll(many)
      await one.jobs.pushAll(Array.from({ length: 5 }, (_, n) => ({ tenant: quiet, worker: 'log', message: n })))
      one.jobs.start()
      await until(() => order.length === 305)
      expect(order.lastIndexOf(quiet.prefix)).toBeLessThan(40)
      await close(one)
    })

    test(`${jobCount} jobs taken by four run exactly once each`, async () => {
      const runs = new Map<string, number>()
      const takers = new Set<number>()
      const worker = (taker: number): Worker => ({
        name: 'log',
        concurrency: 32,
        async run({ id }) {
          runs.set(id, (runs.get(id) ?? 0) + 1)
          takers.add(taker)
        },
      })
      const all = []
      for (let n = 0; n < 4; n += 1) all.push(await open([worker(n)]))
      const started = performance.now()
      const pushed = await Promise.all(
        all.map(async ({ jobs }) => {
          const tenant = fresh()
          for (let n = 0; n < jobCount / 400; n += 1) {
            await jobs.pushAll(Array.from({ length: 100 }, (_, i) => ({ tenant, worker: 'log', message: n * 100 + i })))
          }
        }),
      )
      expect(pushed).toHaveLength(4)
      await until(async () => runs.size === jobCount && (await entries()) === 0)
      console.log(
        `      ${server.name}: ${Math.round((jobCount * 1000) / (performance.now() - started))} jobs/s, queued and done`,
      )
      expect([...runs.values()].every((count) => count === 1)).toBeTrue()
      expect(takers.size).toBe(4)
      for (const one of all) await close(one)
    }, 120_000)

    test('a stopping server gives its jobs back without harm', async () => {
      const tenant = fresh()
      const seen: Task[] = []
      const worker: Worker = {
        name: 'log',
        run: (task) => {
          seen.push(task)
          if (seen.length > 1) return Promise.resolve()
          return new Promise((_, reject) => task.signal.addEventListener('abort', () => reject(task.signal.reason)))
        },
      }
      const first = await open([worker])
      const { id } = await first.jobs.push({ tenant, worker: 'log', message: null })
      await until(() => seen.length === 1)
      await close(first)
      const second = await open([worker])
      await until(async () => (await second.jobs.find(tenant.prefix, id))?.state === 'done')
      expect(seen).toMatchObject([
        { attempt: 1, deaths: 0 },
        { attempt: 1, deaths: 0 },
      ])
      await close(second)
    })

    test('a job whose process is gone is taken up again, and given up at the third death', async () => {
      const tenant = fresh()
      const second = await open([{ name: 'log', run: async () => {} }], { leaseMs: 400, begin: false })
      const [kept, doomed] = await second.jobs.pushAll([
        { tenant, worker: 'log', message: 'kept' },
        { tenant, worker: 'log', message: 'doomed' },
      ])
      // Its entry is older, so one slot is for it when it is ready.
      await sql`UPDATE job_queue SET n = 0 WHERE id = ${doomed?.id ?? ''}`
      for (const by of ['dead', 'dead too', 'dead as well']) {
        await until(async () => {
          await second.store.jobs.ripen('nobody')
          const taken = await second.store.jobs.take('log', { slots: 1, after: '', by, leaseMs: 1 })
          const suspect = await second.store.jobs.takeSuspect(['log'], { by, leaseMs: 1 })
          return [...taken, suspect].some((job) => job?.id === doomed?.id)
        })
      }
      second.jobs.start()
      await until(async () => (await entries()) === 0)
      expect(await second.jobs.find(tenant.prefix, kept?.id ?? '')).toMatchObject({ state: 'done' })
      expect((await second.jobs.find(tenant.prefix, doomed?.id ?? ''))?.members).toMatchObject({
        state: 'errored',
        error: 'the server died 3 times while it ran this job',
      })
      await close(second)
    })
  })
}
