/** What `/metrics` says of the synchronisation, each value by entry. */
import type { Metrics } from '../metrics.ts'
import type { EntryStatus } from './commands.ts'
import type { Sync } from './sync.ts'

/** All values of one request are read together, not once for each. */
const sharedMs = 1_000

/** Registers them. In a process that does not lead they are those that the leader tells. */
export function observeSync(metrics: Metrics, sync: Pick<Sync, 'run'>): void {
  let shared: { readonly atMs: number; readonly entries: Promise<readonly EntryStatus[]> } | undefined
  const entries = () => {
    const now = performance.now()
    if (shared === undefined || now - shared.atMs > sharedMs) {
      const read = sync.run({ kind: 'status' }).then((status) => (status as { entries: EntryStatus[] }).entries)
      shared = { atMs: now, entries: read }
    }
    return shared.entries
  }
  const observe = (name: string, help: string, value: (entry: EntryStatus) => number) =>
    metrics.observeEach(`sync_${name}`, help, 'entry', async () =>
      Object.fromEntries((await entries()).map((entry) => [entry.name, value(entry)])),
    )
  observe('files', 'Files that lie in the entry.', ({ held }) => held)
  observe('waiting', 'Copies and deletions that are left to be done.', ({ waiting }) => waiting)
  observe('blocked', 'Those of them that something stands in the way of.', ({ blocked }) => blocked)
  observe('active', '1 while the entry works.', ({ state }) => (state === 'active' ? 1 : 0))
  observe('held', '1 while the entry waits for somebody to confirm something.', ({ state }) =>
    state === 'held' ? 1 : 0,
  )
  observe('copied_files', 'Files brought to the entry since the start.', ({ copiedFiles }) => copiedFiles)
  observe('copied_bytes', 'Bytes brought to the entry since the start.', ({ copiedBytes }) => copiedBytes)
  observe('scan_seconds', 'How long the last look at all of the entry took.', ({ scanSeconds }) => scanSeconds ?? 0)
}
