/** From a `Host` header to an instance, remembered for a moment: this runs on every request. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { Recent } from '../model/recent.ts'
import { hostNames } from './domain.ts'
import { findFormer, findRecord } from './records.ts'
import type { Instance } from './service.ts'

const foundMs = 5_000
const absentMs = 1_000
/** Clients choose the header: more names than this are not remembered. */
const maxHosts = 2_000

interface Entry {
  readonly instance: Promise<Instance | undefined>
  /** The same, once it is known. */
  known?: Instance | undefined
  /** Infinite while the look-up is under way, so that requests that wait share it. */
  until: number
}

export interface Lookup {
  byHost(host: string): Promise<Instance | undefined>
  peekHost(host: string): Instance | undefined
  byFormerHost(host: string): Promise<Instance | undefined>
  forget(): void
}

/** Makes the function behind `Instances.byHost`. An instance that is being deleted is not found. */
export function newLookup(store: Pick<DocumentStore, 'read'>, now: () => number): Lookup {
  const current = new Recent<Entry>(maxHosts)
  const former = new Recent<Entry>(maxHosts)

  async function find(host: string): Promise<Instance | undefined> {
    for (const name of hostNames(host)) {
      const record = await findRecord(store, name)
      if (record !== undefined) return record.value['deleting'] === true ? undefined : record.instance
    }
    return undefined
  }

  async function findFormerly(host: string): Promise<Instance | undefined> {
    for (const name of hostNames(host)) {
      const instance = await findFormer(store, name)
      if (instance !== undefined) return instance
    }
    return undefined
  }

  function remembered(entries: Recent<Entry>, host: string, look: (host: string) => Promise<Instance | undefined>) {
    const known = entries.get(host)
    if (known !== undefined && now() < known.until) return known.instance
    const entry: Entry = { instance: look(host), until: Number.POSITIVE_INFINITY }
    entries.set(host, entry)
    entry.instance.then(
      (instance) => {
        entry.known = instance
        entry.until = now() + (instance === undefined ? absentMs : foundMs)
      },
      () => entries.forget(host, entry),
    )
    return entry.instance
  }

  return {
    byHost: (host) => remembered(current, host, find),
    peekHost(host) {
      const entry = current.get(host)
      return entry !== undefined && now() < entry.until ? entry.known : undefined
    },
    byFormerHost: (host) => remembered(former, host, findFormerly),
    forget() {
      current.clear()
      former.clear()
    },
  }
}
