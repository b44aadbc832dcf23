/** From the namespace of an instance to its domain: jobs that the server makes itself know only the former. */
import type { InstanceAdministration } from '../instances/service.ts'
import { scanPage } from '../model/page-limits.ts'

/** Unknown names are looked up again this much later. */
const restMs = 2_000

export function newDomainOf(
  instances: Pick<InstanceAdministration, 'list'>,
  now: () => number = Date.now,
): (prefix: string) => Promise<string | undefined> {
  let known: ReadonlyMap<string, string> = new Map()
  let loaded = Number.NEGATIVE_INFINITY
  let loading: Promise<void> | undefined

  async function load(): Promise<void> {
    const found = new Map<string, string>()
    let cursor: string | undefined
    do {
      const { instances: some, next } = await instances.list({ limit: scanPage, cursor })
      for (const { prefix, domain } of some) found.set(prefix, domain)
      cursor = next
    } while (cursor !== undefined)
    known = found
    loaded = now()
  }

  return async (prefix) => {
    const domain = known.get(prefix)
    if (domain !== undefined) return domain
    if (loading === undefined && now() - loaded >= restMs) {
      loading = load().finally(() => {
        loading = undefined
      })
    }
    await loading
    return known.get(prefix)
  }
}
