/** Jobs a second: two servers on one outside PostgreSQL, jobs queued over HTTP and run to their end. */
import { startServer } from '../support/server.ts'

const count = 4_000
const connections = 48

/** Prints how many jobs a second were queued and done. */
export async function benchJobs(): Promise<void> {
  const one = await startServer({ database: 'external' })
  const two = await startServer({ env: { HEARTH_DATABASE_URL: one.databaseUrl } })
  try {
    const token = await one.token('io.cozy.jobs')
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', host: one.domain }
    const body = JSON.stringify({ data: { attributes: { arguments: 'hello' } } })
    const started = performance.now()
    let left = count
    const push = async (_: unknown, n: number) => {
      while (left-- > 0)
        await (await (n % 2 ? one : two).fetch('/jobs/queue/log', { method: 'POST', headers, body })).text()
    }
    await Promise.all(Array.from({ length: connections }, push))
    const queued = performance.now()
    const waiting = async () => {
      const answer = await one.fetch('/jobs/queue/log', { headers })
      return ((await answer.json()) as { meta: { count: number } }).meta.count
    }
    while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 50))
    const rate = (end: number) => Math.round((count * 1000) / (end - started))
    console.log(`jobs: ${rate(queued)}/s queued over HTTP, ${rate(performance.now())}/s queued and done, two processes`)
  } finally {
    await two.killTree()
    await one.killTree()
  }
}
