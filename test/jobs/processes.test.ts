/** The queue with four real processes that queue and run jobs, and die with them. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { openJobs } from '../../src/jobs/jobs.ts'
import { silentLog } from '../../src/log.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { outside, plainSql, type Target } from '../conformance/postgres-targets.ts'

const full = Boolean(process.env['HEARTH_TEST_FULL'])
const each = full ? 2_500 : 250
if (!full) console.warn(`four processes queue ${each} jobs each; HEARTH_TEST_FULL=1: 2500`)

describe.skipIf(!outside.available)('the queue of four processes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-queue-'))
  const running = new Set<ChildProcess>()
  const files: string[] = []
  let target: Target
  let sql: postgres.Sql

  beforeAll(async () => {
    target = await outside.createDatabase()
    sql = plainSql(target)
    // The schema, before four make it at once.
    const store = await openPostgresDocuments({ target, maxConnections: 2, compiler: indexCompiler, sweepEveryMs: 0 })
    await store.close()
  }, 60_000)
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL')
    await sql?.end({ timeout: 1 })
    rmSync(folder, { recursive: true, force: true })
  })

  /** Resolves when it runs jobs; `queued` when it has queued its own. */
  async function start(tenant: string, count: number) {
    const file = join(folder, `runs-${files.length}`)
    files.push(file)
    const script = join(import.meta.dirname, 'queue-process.ts')
    const child = spawn(process.execPath, [script, JSON.stringify(target), tenant, String(count), file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    running.add(child)
    let output = ''
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    void ended.then(() => running.delete(child))
    child.stdout?.on('data', (data) => {
      output += data
    })
    const said = (word: string) => until(word, async () => output.includes(word) || child.exitCode !== null)
    await said('ready')
    return { child, ended, queued: () => said('queued') }
  }
  async function until(what: string, check: () => Promise<boolean>) {
    const deadline = Date.now() + (full ? 300_000 : 120_000)
    while (!(await check())) {
      if (Date.now() > deadline) throw new Error(`${what} did not happen`)
      await Bun.sleep(20)
    }
  }
  /** How often each job was run since a number of files. */
  function runsOf(since: number) {
    const runs = new Map<string, number>()
    for (const file of files.slice(since)) {
      if (!existsSync(file)) continue
      for (const id of readFileSync(file, 'utf8').split('\n').slice(0, -1)) runs.set(id, (runs.get(id) ?? 0) + 1)
    }
    return runs
  }
  const isEmpty = async () => (await sql`SELECT 1 FROM job_queue LIMIT 1`).length === 0
  /** How many revisions of each job of tenants say that it has ended. */
  async function endsOf(tenants: string) {
    const rows = await sql<{ id: string; ends: number; state: string }[]>`
      WITH d AS (SELECT db FROM databases WHERE name = 'io.cozy.jobs' AND prefix LIKE ${`${tenants}%`}),
      r AS (
        SELECT db, id, body ->> 'state' AS state, true AS last FROM docs WHERE db IN (SELECT db FROM d)
        UNION ALL
        SELECT db, id, body::jsonb ->> 'state', false FROM revs WHERE db IN (SELECT db FROM d))
      SELECT id, count(*) FILTER (WHERE state IN ('done', 'errored'))::int AS ends, max(state) FILTER (WHERE last) AS state
      FROM r GROUP BY db, id`
    return rows
  }

  test(`${4 * each} jobs run exactly once each`, async () => {
    const since = files.length
    const began = performance.now()
    const all = await Promise.all([0, 1, 2, 3].map((n) => start(`once${n}.example`, each)))
    await Promise.all(all.map(({ queued }) => queued()))
    await until('the end of the queue', isEmpty)
    const seconds = (performance.now() - began) / 1000
    console.log(`      ${Math.round((4 * each) / seconds)} jobs/s of four processes, their start included`)
    for (const { child } of all) child.kill('SIGKILL')
    await Promise.all(all.map(({ ended }) => ended))
    const runs = runsOf(since)
    expect(runs.size).toBe(4 * each)
    expect([...runs.values()].filter((count) => count !== 1)).toEqual([])
    expect((await endsOf('once')).filter(({ ends, state }) => ends !== 1 || state !== 'done')).toEqual([])
  }, 700_000)

  test(`${4 * each} jobs end once each, whatever processes are killed in the middle`, async () => {
    const since = files.length
    const all = await Promise.all([0, 1, 2, 3].map((n) => start(`killed${n}.example`, n < 2 ? 2 * each : 0)))
    await Promise.all(all.map(({ queued }) => queued()))
    let done = 0
    for (const share of [0.2, 0.4, 0.6]) {
      await until('some of the jobs', async () => runsOf(since).size > 4 * each * share)
      const victim = all[done++]
      victim?.child.kill('SIGKILL')
      await victim?.ended
      all.push(await start('killed9.example', 0))
    }
    await until('the end of the queue', isEmpty)
    for (const { child } of all) child.kill('SIGKILL')
    const runs = runsOf(since)
    expect(runs.size).toBe(4 * each)
    // What a process had in its hands when it died is run again.
    expect([...runs.values()].reduce((sum, count) => sum + count - 1, 0)).toBeLessThanOrEqual(3 * 48)
    const ends = await endsOf('killed')
    expect(ends).toHaveLength(4 * each)
    expect(ends.filter(({ ends, state }) => ends !== 1 || state !== 'done')).toEqual([])
  }, 700_000)

  test('a job that kills its process ends errored at the third death, and the jobs beside it are done', async () => {
    const store = await openPostgresDocuments({ target, maxConnections: 2, compiler: indexCompiler, sweepEveryMs: 0 })
    const jobs = openJobs({
      ...{ store, jobs: store.jobs, log: silentLog, instances: { byHost: async () => undefined } },
      settings: { concurrency: 0, take_over_after: 2, max_exec_count: 1, max_timeout: 60, workers: {} },
    })
    const tenant = { prefix: 'deadly.example', domain: 'deadly.example' }
    const order = { tenant, worker: 'log' }
    const pushed = await jobs.pushAll(['die', 'a', 'b', 'c'].map((message) => ({ ...order, message })))
    const since = files.length
    let deaths = 0
    for (let one = await start('deadly.example', 0); ; one = await start('deadly.example', 0)) {
      await until('a death or the end', async () => one.child.signalCode !== null || (await isEmpty()))
      if (one.child.signalCode === null) {
        one.child.kill('SIGKILL')
        break
      }
      deaths += 1
    }
    expect(deaths).toBe(3)
    const [deadly, ...others] = await Promise.all(pushed.map(({ id }) => jobs.find(tenant.prefix, id)))
    expect(deadly?.members).toMatchObject({ state: 'errored', error: 'the server died 3 times while it ran this job' })
    expect(others.map((job) => job?.state)).toEqual(['done', 'done', 'done'])
    expect(runsOf(since).get(deadly?.id ?? '')).toBe(3)
    await store.close()
  }, 700_000)
})
