/** Whether the job of an instance may run now. */
import type { Instance, Instances } from '../instances/service.ts'
import type { Tenant } from './service.ts'
import { runsWithoutTerms } from './worker-names.ts'

/** `missing`: the instance does not exist, or this process does not know it yet. `wait`: it may run later. */
export type Admission = 'run' | 'wait' | 'missing'

/** The tenant of the server's own jobs. */
export const serverTenant: Tenant = { prefix: 'global', domain: '' }

export function newAdmission(instances: Pick<Instances, 'byHost'>, now: () => number = Date.now) {
  return async ({ prefix, domain }: Tenant, worker: string): Promise<Admission> => {
    if (prefix === serverTenant.prefix) return 'run'
    const instance = await instances.byHost(domain)
    if (instance === undefined || instance.prefix !== prefix) return 'missing'
    return runsWithoutTerms.has(worker) || !areTermsOverdue(instance, now()) ? 'run' : 'wait'
  }
}

/** The latest terms of service (`VERSION-YYYYMMDD`) are in force, and an older version is the last that was signed. */
export function areTermsOverdue({ document }: Pick<Instance, 'document'>, nowMs: number): boolean {
  const latest = termsOf(document['tos_latest'])
  if (latest === undefined || latest.fromMs > nowMs) return false
  const signed = termsOf(document['tos'])
  return signed === undefined || compareVersions(signed.version, latest.version) < 0
}

interface Terms {
  readonly version: readonly number[]
  readonly fromMs: number
}

function termsOf(value: unknown): Terms | undefined {
  const parts = typeof value === 'string' ? /^(\d+(?:\.\d+)*)-(\d{4})(\d\d)(\d\d)$/.exec(value) : null
  if (parts === null) return undefined
  const [, version = '', year, month, day] = parts
  const fromMs = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  return Number.isNaN(fromMs) ? undefined : { version: version.split('.').map(Number), fromMs }
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
