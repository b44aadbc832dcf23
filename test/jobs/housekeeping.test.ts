/** What is done for every instance from time to time, over a real store of documents. */
import { expect, test } from 'bun:test'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { newDriveOf } from '../../src/files/drive.ts'
import { openFiles } from '../../src/files/files.ts'
import { Housekeeping } from '../../src/jobs/housekeeping.ts'
import { openJobs } from '../../src/jobs/jobs.ts'
import { oldTrashWorker } from '../../src/jobs/workers/old-trash.ts'
import { silentLog } from '../../src/log.ts'
import { jobsDoctype } from '../../storage/jobs/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { embedded } from '../conformance/postgres-targets.ts'
import { memoryObjects } from '../support/memory-objects.ts'

test('old jobs are forgotten but for fifty of each state, old trash is deleted, one process does it', async () => {
  const target = await embedded.createDatabase()
  const store = await openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 0 })
  const objects = memoryObjects()
  const instance = { id: 'i', rev: '1-a', domain: 'keep.example', aliases: [], prefix: 'keep', document: {} }
  // It comes first, and has no jobs any more.
  const leaving = { ...instance, id: 'a', domain: 'leaving.example', prefix: 'leaving' }
  const listed = { instances: [leaving, instance], next: undefined }
  const instances = { byHost: async () => instance, list: async () => listed }
  let now = Date.now() - 40 * 86_400_000
  const files = openFiles({ store: store.files, objects, log: silentLog, now: () => now })
  const drive = await newDriveOf({ store, versioning: { max: 20, minDelayMs: 0 }, contextOf: () => ({}) })(
    instance,
    undefined,
  )
  const root = 'io.cozy.files.root-dir'
  const directory = async (name: string) => (await files.createDirectory(drive, { dirId: root, name })).id
  const [old, young, kept] = [await directory('old'), await directory('young'), await directory('kept')]
  await files.trash(drive, old, undefined)
  now = Date.now()
  await files.trash(drive, young, undefined)

  const settings = { concurrency: 32, take_over_after: 30, max_exec_count: 10, max_timeout: 3600, workers: {} }
  const jobs = openJobs({ store, jobs: store.jobs, instances, log: silentLog, settings })
  jobs.register({ name: 'log', concurrency: 32, run: async () => {} })
  const driveOf = async () => drive
  jobs.register(oldTrashWorker({ files, instances, driveOf, keptMs: () => 30 * 86_400_000 }))
  const many = Array.from({ length: 70 }, (_, n) => ({ tenant: instance, worker: 'log', message: `${n}` }))
  await jobs.pushAll(many)
  jobs.start()
  const stored = async () => {
    const range = { descending: false, skip: 0, limit: 1_000, bodies: true } as const
    const rows = await store.scanIds({ prefix: 'keep', name: jobsDoctype }, range)
    return rows.map(({ text }) => JSON.parse(text) as { worker: string; state: string })
  }
  const until = async (check: () => Promise<boolean>) => {
    for (let turn = 0; !(await check()); turn += 1) {
      if (turn > 2_000) throw new Error('it did not happen')
      await Bun.sleep(10)
    }
  }
  await until(async () => (await stored()).every(({ state }) => state === 'done'))
  const house = new Housekeeping({
    instances,
    jobs,
    log: silentLog,
    keepMs: 0,
    cleansTrash: () => true,
  })
  await house.run()
  expect((await stored()).filter(({ worker }) => worker === 'log')).toHaveLength(50)
  await until(async () =>
    (await stored()).some(({ worker, state }) => worker === 'clean-old-trashed' && state === 'done'),
  )
  const left = (await store.files.tree('keep').byIds([old, young, kept])).map(({ id }) => id)
  expect(left.sort()).toEqual([young, kept].sort())

  expect(await store.jobs.isTurn('test', 60_000)).toBeTrue()
  expect(await store.jobs.isTurn('test', 60_000)).toBeFalse()
  await jobs.close()
  await files.close()
  await store.close()
}, 100_000)
