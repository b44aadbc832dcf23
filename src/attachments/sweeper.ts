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
  /** Ends it. */
  readonly stopping?: AbortSignal | undefined
}

export function newSweeper({ ledger, objects, stopping }: SweeperOptions): Sweeper {
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

  return { run }
}
