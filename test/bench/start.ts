/** The start on existing data, and what processes hold. */
import { readdirSync, readFileSync } from 'node:fs'
import { startServer } from '../support/server.ts'
import type { Options } from './options.ts'
import { median } from './report.ts'
import type { Sides } from './sides.ts'

const starts = 3

/** From the start to the first answer, resident memory of the processes of Hearth when idle and after the parts before. */
export async function benchStart({ hearth }: Sides, { workers }: Options): Promise<string> {
  const env = { HEARTH_WORKERS: `${workers}` }
  const first = await startServer({ env, keepData: true })
  await first.stop()
  const times: number[] = []
  let idle: readonly number[] = []
  for (let n = 0; n < starts; n += 1) {
    const before = performance.now()
    const again = await startServer({ env, dataDir: first.dataDir, keepData: n < starts - 1 })
    await again.fetch(`${again.url}/healthz`)
    times.push(performance.now() - before)
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    idle = residentMegabytes(again.pid)
    await again.stop()
  }
  const seconds = median(times) / 1_000
  const memory = (values: readonly number[]) => values.map((value) => value.toFixed(0)).join(' + ')
  return (
    `start on existing data to the first answer: ${seconds.toFixed(2)} s; resident memory of the processes that serve, ` +
    `idle: ${memory(idle)} MB, after this run: ${memory(residentMegabytes(hearth.server.pid))} MB`
  )
}

/** Of a process and its children of the same program: the workers, but not PostgreSQL. */
function residentMegabytes(pid: number): number[] {
  const program = (one: number | string) => readFileSync(`/proc/${one}/stat`, 'utf8').replace(/^\d+ \((.*)\).*$/s, '$1')
  const parent = (one: string) => Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${one}/stat`, 'utf8'))?.[1])
  const own = program(pid)
  const children = readdirSync('/proc').filter((one) => {
    try {
      return /^\d+$/.test(one) && parent(one) === pid && program(one) === own
    } catch {
      // It has ended meanwhile.
      return false
    }
  })
  return [pid, ...children].map((one) => {
    const status = readFileSync(`/proc/${one}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024
  })
}
