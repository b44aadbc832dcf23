/** An object store whose calls are timed. */
import type { ObjectStore } from '../storage/objects/contract.ts'
import type { Metrics } from './metrics.ts'

/** The same store; every call is counted by operation and outcome. Of a `get` the time until it is open counts. */
export function measuredObjects(objects: ObjectStore, metrics: Pick<Metrics, 'timer'>): ObjectStore {
  const note = metrics.timer('object_store_duration_seconds', 'Calls of the object store.', 'operation')

  async function timed<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const started = performance.now()
    const seconds = () => (performance.now() - started) / 1000
    try {
      const result = await call()
      note(operation, 'ok', seconds())
      return result
    } catch (error) {
      note(operation, 'error', seconds())
      throw error
    }
  }

  return {
    put: (name, body, options) => timed('put', () => objects.put(name, body, options)),
    get: (name, range) => timed('get', () => objects.get(name, range)),
    stat: (name) => timed('stat', () => objects.stat(name)),
    list: (prefix, page) => timed('list', () => objects.list(prefix, page)),
    copy: (from, to) => timed('copy', () => objects.copy(from, to)),
    delete: (names) => timed('delete', () => objects.delete(names)),
    sweepAbandoned: (olderThanMs) => objects.sweepAbandoned(olderThanMs),
    ping: () => objects.ping(),
    close: () => objects.close(),
  }
}
