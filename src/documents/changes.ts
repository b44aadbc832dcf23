/**
 * The one reader behind every kind of feed. It reads pages by key until there is no more, and feeds that
 * wait then sleep until the store reports a change. It begins to listen before it reads, so that what is
 * committed in between wakes it; nothing but a listener is held while it sleeps.
 */
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { Alarm } from './alarm.ts'
import { rowMaker } from './changes-rows.ts'
import { openScan, type Scan } from './changes-scan.ts'
import { PendingMemory } from './pending.ts'
import type { ChangesEvent, ChangesQuery, Documents } from './service.ts'

type Store = Pick<DocumentStore, 'changes' | 'countChanges' | 'watch' | 'readTrees' | 'readRevisions'>

/** How long a waiting feed tolerates a store that does not answer; then it is cut. */
const patienceMs = 60_000
const retryMs = 500

/** Makes `Documents.changes`. When `stopping` aborts, feeds that wait end as if their time were up. */
export function changesReader(store: Store, stopping?: AbortSignal): Documents['changes'] {
  const memory = new PendingMemory()
  return async (ref, query, signal) => {
    const maker = rowMaker(store, query)
    const scan = await openScan(store, ref, query, maker, memory)
    return events(store, ref, query, scan, { left: signal, stopping })
  }
}

interface Signals {
  /** The client has left: no one reads the rest. */
  readonly left: AbortSignal
  readonly stopping: AbortSignal | undefined
}

async function* events(
  store: Store,
  ref: DatabaseRef,
  query: ChangesQuery,
  scan: Scan,
  { left, stopping }: Signals,
): AsyncGenerator<ChangesEvent> {
  const waits = query.feed !== 'normal' && !query.descending
  /** The longest silence: then a heartbeat or the end is due. */
  const pulse = query.heartbeatMs ?? (waits ? query.timeoutMs : Number.POSITIVE_INFINITY)
  const alarm = new Alarm()
  const unwatch = waits ? store.watch(ref, alarm.ring) : () => {}
  const signals = [left, ...(stopping ? [stopping] : [])]
  for (const signal of signals) signal.addEventListener('abort', alarm.ring)
  let sent = false
  let heard = performance.now()
  let failingSince: number | undefined
  const silence = () => performance.now() - heard
  try {
    while (scan.left > 0 && !left.aborted && !(waits && stopping?.aborted)) {
      alarm.clear()
      const rows = await scan.next().catch((error: unknown) => {
        failingSince ??= performance.now()
        const patient = waits && performance.now() - failingSince < patienceMs
        if (patient && error instanceof Problem && error.code === 'store_unavailable') return undefined
        throw error
      })
      if (rows) failingSince = undefined
      if (left.aborted) return
      if (rows && rows.length > 0) {
        yield { kind: 'rows', rows }
        sent = true
        heard = performance.now()
      }
      if (scan.left === 0 || scan.gone) break
      const idle = scan.exhausted || !rows
      if (scan.exhausted && (!waits || (query.feed === 'longpoll' && sent))) break
      if (silence() >= pulse) {
        if (query.heartbeatMs === undefined && idle) break
        if (query.heartbeatMs !== undefined) {
          yield { kind: 'heartbeat' }
          heard = performance.now()
        }
      }
      if (idle) await alarm.wait(Math.min(rows ? pulse : retryMs, pulse - silence()))
    }
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', alarm.ring)
    unwatch()
  }
  if (!left.aborted) yield await scan.end()
}
