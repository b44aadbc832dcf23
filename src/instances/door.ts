/** Whether an instance is open: it may be blocked, or have moved to another server. */
import type { Instance } from './service.ts'

export type Door =
  | { readonly kind: 'open' }
  /** `importing` also stands for a move to here. */
  | { readonly kind: 'blocked'; readonly reason: 'login' | 'payment' | 'importing' | 'other' }
  /** `to` is the new address, where it is known. */
  | { readonly kind: 'moved' }

const open = { kind: 'open' } as const

/** Whether an instance is open. On the hot path: nothing is allocated when it is. */
export function doorOf({ document }: Pick<Instance, 'document'>): Door {
  if (document['blocked'] === true && !isOver(document['blocked_until'])) {
    return { kind: 'blocked', reason: reasonOf(document['blocking_reason']) }
  }
  return document['moved'] === true ? { kind: 'moved' } : open
}

/** Some blocks expire. */
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
