/** Whether an instance lets somebody in: it may be blocked, or have moved to another server. */
import type { Instance } from './service.ts'

export type Door =
  | { readonly kind: 'open' }
  /** `importing` also stands for a move to here. */
  | { readonly kind: 'blocked'; readonly reason: 'login' | 'payment' | 'importing' | 'other' }
  /** `to` is the new address, where it is known. */
  | { readonly kind: 'moved' }

const open = { kind: 'open' } as const

/** How the door of an instance stands. On the hot path: nothing is made when it is open. */
export function doorOf({ document }: Pick<Instance, 'document'>): Door {
  if (document['blocked'] === true && !isOver(document['blocked_until'])) {
    return { kind: 'blocked', reason: reasonOf(document['blocking_reason']) }
  }
  return document['moved'] === true ? { kind: 'moved' } : open
}

/** Some blocks end by themselves. */
function isOver(until: unknown): boolean {
  return typeof until === 'string' && Date.parse(until) <= Date.now()
}

function reasonOf(reason: unknown): 'login' | 'payment' | 'importing' | 'other' {
  switch (reason) {
    case 'LOGIN_FAILED':
      return 'login'
    case 'PAYMENT_FAILED':
      return 'payment'
    case 'IMPORTING':
    case 'MOVING':
      return 'importing'
    default:
      return 'other'
  }
}
