/** Starts PouchDB in a process of its own and talks with it. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Order, Report } from './child.ts'

type Name = Report['report']
type Of<Kind extends Name> = Extract<Report, { readonly report: Kind }>

export interface PouchProcess {
  tell(order: Order): void
  /** Tells it and waits for the first report of that kind; rejects when it reports `failed` before or ends. */
  ask<Kind extends Name>(order: Order, kind: Kind): Promise<Of<Kind>>
  /** The next report of that kind that passes, among those that come from now on. */
  next<Kind extends Name>(kind: Kind, passes?: (report: Of<Kind>) => boolean, ms?: number): Promise<Of<Kind>>
  /** Everything that was reported, contents left out. */
  readonly reports: readonly Report[]
  readonly pid: number
  stop(): void
}

export function startPouch(): PouchProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.ts')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const reports: Report[] = []
  const listeners = new Set<(report: Report | undefined) => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const report = JSON.parse(line) as Report
    if (report.report !== 'contents') reports.push(report)
    for (const listener of [...listeners]) listener(report)
  })
  child.once('exit', () => {
    for (const listener of [...listeners]) listener(undefined)
  })

  const next: PouchProcess['next'] = (kind, passes = () => true, ms = 30_000) =>
    new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        listeners.delete(listen)
        settle()
      }
      const last = () => JSON.stringify(reports.slice(-5))
      const timer = setTimeout(() => end(() => reject(new Error(`no ${kind} in ${ms} ms; last: ${last()}`))), ms)
      const listen = (report: Report | undefined) => {
        if (report === undefined) end(() => reject(new Error('the process of PouchDB ended')))
        else if (report.report === kind && passes(report as Of<typeof kind>))
          end(() => resolve(report as Of<typeof kind>))
        else if (report.report === 'failed') end(() => reject(new Error(`${report.reason}; last: ${last()}`)))
      }
      listeners.add(listen)
    })
  const tell = (order: Order) => void child.stdin.write(`${JSON.stringify(order)}\n`)
  return {
    tell,
    ask(order, kind) {
      const answer = next(kind, undefined, 60_000)
      tell(order)
      return answer
    },
    next,
    reports,
    pid: child.pid ?? 0,
    stop: () => child.stdin.end(),
  }
}
