/** The block of an instance while an import or a move is under way. It expires unless it is renewed. */
import type { InstanceAdministration } from '../instances/service.ts'

type Administration = Pick<InstanceAdministration, 'update'>
type Document = Readonly<Record<string, unknown>>

export interface TimedBlock {
  /** Whose block it is: a job's id, or `moveBlock(ID)`. */
  readonly by: string
  readonly reason: 'IMPORTING' | 'MOVING'
  readonly forMs: number
}

/** Whose block the one of a move is. */
export function moveBlock(id: string): string {
  return `move ${id}`
}

/** The id of the move that has blocked an instance. */
export function moveOf(document: Document): string | undefined {
  return /^move (.+)$/.exec(String(document['blocked_by'] ?? ''))?.[1]
}

/** Members of an instance's document that end its block. */
export const unblocked = {
  blocked: undefined,
  blocking_reason: undefined,
  blocked_by: undefined,
  blocked_until: undefined,
} as const

/** Blocks the instance. False when someone else has. */
export async function block(
  instances: Administration,
  domain: string,
  { by, reason, forMs }: TimedBlock,
): Promise<boolean> {
  let taken = false
  await instances.update(domain, (document) => {
    const isMine = document['blocked_by'] === by
    taken = document['blocked'] !== true || isMine || endOfBlock(document) <= Date.now()
    if (!taken) return undefined
    return { blocked: true, blocking_reason: reason, blocked_by: by, blocked_until: inMs(forMs) }
  })
  return taken
}

/** Sets a new end for the block, while it holds. */
export async function renewBlock(instances: Administration, domain: string, by: string, forMs: number): Promise<void> {
  await instances.update(domain, (document) => (isBlockedBy(document, by) ? { blocked_until: inMs(forMs) } : undefined))
}

/** Whether the block still holds. */
export function isBlockedBy(document: Document, by: string): boolean {
  return document['blocked'] === true && document['blocked_by'] === by && endOfBlock(document) > Date.now()
}

/** When a block expires, in milliseconds of Unix time; `NaN` when it does not. */
export function endOfBlock(document: Document): number {
  return Date.parse(String(document['blocked_until'] ?? ''))
}

/** Removes the block, unless someone else has blocked the instance since. */
export async function unblock(instances: Administration, domain: string, by: string): Promise<void> {
  await instances.update(domain, (document) => (document['blocked_by'] === by ? unblocked : undefined))
}

function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString()
}
