import { hiddenSecret } from '../../src/sync/entry-definition.ts'
import type { Sync } from '../../src/sync/sync.ts'
import type { StoredEntry } from '../../storage/sync/contract.ts'

/** An entry as the API shows it: the options that were given, secrets hidden. */
export function entryView({ kinds }: Pick<Sync, 'kinds'>, { name, driver, options }: StoredEntry): object {
  const secrets = kinds.get(driver)?.secrets ?? []
  const shown = Object.entries(JSON.parse(options) as Record<string, unknown>).map(([option, value]) => [
    option,
    secrets.includes(option) ? hiddenSecret : value,
  ])
  return { name, driver, options: Object.fromEntries(shown) as object }
}
