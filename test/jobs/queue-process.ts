/**
 * A process that queues jobs and runs them: `queue-process.ts TARGET TENANT COUNT FILE`. What it runs it appends to FILE, a
 * line each, before the job ends. A job whose message is `die` kills the process.
 */
import { appendFileSync } from 'node:fs'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { openJobs } from '../../src/jobs/jobs.ts'
import type { Worker } from '../../src/jobs/service.ts'
import { silentLog } from '../../src/log.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'

const [target = '', tenant = '', count = '0', file = ''] = process.argv.slice(2)

const store = await openPostgresDocuments({
  ...{ target: JSON.parse(target), maxConnections: 2, compiler: indexCompiler, sweepEveryMs: 0, compactEveryMs: 0 },
})
const jobs = openJobs({
  ...{ store, jobs: store.jobs, log: silentLog },
  instances: {
    byHost: async (host) => ({ id: host, rev: '1-a', domain: host, aliases: [], prefix: host, document: {} }),
  },
  settings: { concurrency: 64, take_over_after: 60, max_exec_count: 1, max_timeout: 60, workers: {} },
})
const worker: Worker = {
  ...{ name: 'log', concurrency: 48 },
  async run({ id, message }) {
    appendFileSync(file, `${id}\n`)
    if (message === 'die') process.kill(process.pid, 'SIGKILL')
  },
}
jobs.register(worker)
jobs.start()
process.stdout.write('ready\n')
const batch = 100
for (let n = 0; n < Number(count); n += batch) {
  await jobs.pushAll(
    Array.from({ length: Math.min(batch, Number(count) - n) }, (_, at) => ({
      ...{ tenant: { prefix: tenant, domain: tenant }, worker: 'log', message: n + at },
    })),
  )
}
process.stdout.write('queued\n')
// Until it is killed, or its parent is gone.
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
