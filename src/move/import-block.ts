/** The block of an instance while an import replaces what it holds. It ends by itself when nobody renews it. */
import type { InstanceAdministration } from '../instances/service.ts'

type Administration = Pick<InstanceAdministration, 'update'>

/** Blocks the instance. False when somebody else has. */
export async function blockForImport(
  instances: Administration,
  domain: string,
  job: string,
  forMs: number,
): Promise<boolean> {
  let taken = false
  await instances.update(domain, (document) => {
    const ends = Date.parse(String(document['blocked_until'] ?? ''))
    const isMine = document['blocked_by'] === job
    taken = document['blocked'] !== true || isMine || ends <= Date.now()
    if (!taken) return undefined
    return { blocked: true, blocking_reason: 'IMPORTING', blocked_by: job, blocked_until: inMs(forMs) }
  })
  return taken
}

/** Sets a new end for the job's block, while it holds. */
export async function renewBlock(instances: Administration, domain: string, job: string, forMs: number): Promise<void> {
  await instances.update(domain, (document) =>
    isBlockedBy(document, job) ? { blocked_until: inMs(forMs) } : undefined,
  )
}

/** Whether the job's block still holds. */
export function isBlockedBy(document: Readonly<Record<string, unknown>>, job: string): boolean {
  const ends = Date.parse(String(document['blocked_until'] ?? ''))
  return document['blocked'] === true && document['blocked_by'] === job && ends > Date.now()
}

/** Lets everybody in again, unless somebody else has blocked the instance since. */
export async function unblockAfterImport(instances: Administration, domain: string, job: string): Promise<void> {
  const none = { blocked: undefined, blocking_reason: undefined, blocked_by: undefined, blocked_until: undefined }
  await instances.update(domain, (document) => (document['blocked_by'] === job ? none : undefined))
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString()
}
