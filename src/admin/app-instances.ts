/** Which instances have a version of an application. */
import type { EveryTenant } from '../../storage/documents/contract.ts'
import { membersOf } from '../instances/own-documents.ts'
import type { InstanceAdministration } from '../instances/service.ts'

/** Domains, in the order of the instances' ids. One statement, whatever the number of instances without it. */
export async function instancesWithApp(
  store: EveryTenant,
  instances: Pick<InstanceAdministration, 'list'>,
  slug: string,
  version: string,
): Promise<readonly string[]> {
  const found = await store.readEverywhere('io.cozy.apps', `io.cozy.apps/${slug}`)
  const having = found.filter(({ text }) => membersOf(text)['version'] === version)
  if (having.length === 0) return []
  const prefixes = new Set(having.map(({ prefix }) => prefix))
  const page = await instances.list({})
  return page.instances.filter(({ prefix }) => prefixes.has(prefix)).map(({ domain }) => domain)
}
