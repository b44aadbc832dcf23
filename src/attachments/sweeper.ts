/** Deletes the objects of attachments that were given up: unfinished uploads, compacted contents, dropped databases. */
import type { AttachmentLedger } from '../../storage/documents/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'

/** Objects deleted at a time. */
const page = 500

export interface Sweeper {
  /** Sweeps now, or once more when a sweep is under way; resolves when everything that was abandoned before is gone. */
  run(): Promise<void>
}

export interface SweeperOptions {
  readonly ledger: Pick<AttachmentLedger, 'sweep'>
  readonly objects: Pick<ObjectStore, 'delete'>
  /** Milliseconds between sweeps; 0: only when told to. */
  readonly everyMs: number
  /** Ends it. */
  readonly stopping?: AbortSignal | undefined
  readonly log?: ((event: string, detail: Record<string, unknown>) => void) | undefined
}

export function startSweeper({ ledger, objects, everyMs, stopping, log = () => {} }: SweeperOptions): Sweeper {
  let last: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | undefined

  async function sweep(): Promise<void> {
    waiting = undefined
    let swept = page
    while (swept === page && !stopping?.aborted) swept = await ledger.sweep(page, (names) => objects.delete(names))
  }

  /** One at a time: a call during a sweep gets the next one. */
  function run(): Promise<void> {
    waiting ??= last.then(sweep)
    last = waiting.catch(() => {})
    return waiting
  }

  if (everyMs === 0) return { run }
  const timer = setInterval(() => {
    run().catch((error: unknown) => {
      if (!stopping?.aborted) log('sweep of attachments failed', { error: String(error) })
    })
  }, everyMs)
  timer.unref()
  stopping?.addEventListener('abort', () => clearInterval(timer), { once: true })
  return { run }
}
