/**
 * PouchDB in a process of its own, for servers that die: PouchDB 9 leaves the rejection of its own `info()` to nobody,
 * which ends a test run. Takes an order a line on stdin, tells what happens a line on stdout, ends with stdin.
 */
import { createInterface } from 'node:readline'
import { contents, type Doc, openLocal, openRemote, type Pouch, type ReplicationOptions } from './pouch.ts'

/** What the process is told. The local database is in its memory and lives as long as the process. */
export type Order =
  | { readonly order: 'fill'; readonly prefix: string; readonly count: number; readonly from?: number }
  /** Ends with `complete` or `failed`; the next may follow then. */
  | {
      readonly order: 'pull' | 'push' | 'sync'
      readonly url: string
      readonly options: Omit<ReplicationOptions, 'filter' | 'back_off_function'>
    }
  /** Ends a live replication: `complete` follows. */
  | { readonly order: 'cancel' }
  | { readonly order: 'contents' }
  /** Forgets everything: a new database. */
  | { readonly order: 'renew' }

/** What it tells. `read` and `written` are those of the whole run, or of the last one after a retry. */
export type Report =
  | { readonly report: 'done' }
  | { readonly report: 'change'; readonly read: number; readonly written: number }
  | { readonly report: 'paused'; readonly error: boolean }
  | { readonly report: 'active' }
  | { readonly report: 'complete'; readonly read: number; readonly written: number; readonly failures: number }
  | { readonly report: 'failed'; readonly reason: string }
  | { readonly report: 'contents'; readonly leaves: readonly object[] }
  | { readonly report: 'stray'; readonly reason: string }

interface Counts {
  readonly docs_read: number
  readonly docs_written: number
  readonly doc_write_failures: number
}

interface Outcome extends Partial<Counts> {
  readonly push?: Counts
  readonly pull?: Counts
}

let local = openLocal()
let running: { cancel(): void } | undefined

function tell(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

function totals(outcome: Outcome): { read: number; written: number; failures: number } {
  const sum = (key: keyof Counts) =>
    [outcome, outcome.push, outcome.pull].reduce((all, one) => all + (one?.[key] ?? 0), 0)
  return { read: sum('docs_read'), written: sum('docs_written'), failures: sum('doc_write_failures') }
}

/** Of a sync the counts of one direction, as its events have them. */
function countsOf(event: Record<string, unknown>): Outcome {
  return (typeof event['change'] === 'object' ? event['change'] : event) as Outcome
}

function start(kind: 'pull' | 'push' | 'sync', remote: Pouch, options: ReplicationOptions) {
  // Tests want to see it come back, not to wait for it.
  const eager = { ...options, ...(options.retry ? { back_off_function: () => 100 } : {}) }
  if (kind === 'sync') return local.sync(remote, eager)
  return kind === 'pull' ? local.replicate.from(remote, eager) : local.replicate.to(remote, eager)
}

function replicate(order: Extract<Order, { readonly url: string }>): void {
  const replication = start(order.order, openRemote(order.url), order.options)
  running = replication
  replication.on('change', (event) => {
    const { read, written } = totals(countsOf(event))
    tell({ report: 'change', read, written })
  })
  replication.on('paused', (event) => tell({ report: 'paused', error: event !== undefined && event !== null }))
  replication.on('active', () => tell({ report: 'active' }))
  replication.then(
    (outcome: Outcome) => tell({ report: 'complete', ...totals(outcome) }),
    (error: unknown) => tell({ report: 'failed', reason: reasonOf(error) }),
  )
}

async function obey(order: Order): Promise<void> {
  switch (order.order) {
    case 'fill': {
      const { prefix, count, from = 0 } = order
      const docs = Array.from({ length: count }, (_, n): Doc => {
        const _id = `${prefix}${String(from + n).padStart(5, '0')}`
        return { _id, n: from + n, text: 'x'.repeat(200) }
      })
      await local.bulkDocs(docs)
      return tell({ report: 'done' })
    }
    case 'pull':
    case 'push':
    case 'sync':
      return replicate(order)
    case 'cancel':
      running?.cancel()
      return
    case 'contents':
      return tell({ report: 'contents', leaves: await contents(local) })
    case 'renew':
      await local.destroy()
      local = openLocal()
      return tell({ report: 'done' })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error)
}

process.on('unhandledRejection', (error) => tell({ report: 'stray', reason: reasonOf(error) }))
const orders = createInterface({ input: process.stdin })
orders.on('line', (line) => {
  obey(JSON.parse(line) as Order).catch((error: unknown) => tell({ report: 'failed', reason: reasonOf(error) }))
})
orders.on('close', () => process.exit())
