/** Limits of attempts: how often something may be tried before it has to wait. */
import { isIPv6 } from 'node:net'
import type { AttemptLimit, AttemptStore } from '../../storage/attempts/contract.ts'
import { Problem } from '../model/errors.ts'
import { digestOf } from './codes.ts'

const minute = 60_000
const hour = 60 * minute

/** The limit of each kind of attempt. */
export const limits = {
  /** Wrong passphrases of one account from one address. */
  passphraseHere: { max: 10, perMs: 15 * minute },
  /** Wrong passphrases of one account from anywhere: many, or a stranger could lock its owner out. */
  passphrase: { max: 200, perMs: hour },
  /** Wrong passphrases from one address for any account. */
  passphraseAddress: { max: 50, perMs: 15 * minute },
  /** Passcodes tried for one login. */
  passcode: { max: 5, perMs: 15 * minute },
  /** Mails that one account is sent on request. */
  mail: { max: 5, perMs: hour },
  /** Clients registered by one address, and on one instance. */
  registrationAddress: { max: 60, perMs: hour },
  registration: { max: 300, perMs: hour },
  /** Codes and tokens presented by one address that were wrong. */
  wrongCode: { max: 100, perMs: hour },
  /** Wrong admin passphrases of one address. */
  admin: { max: 20, perMs: minute },
} as const satisfies Record<string, AttemptLimit>

export type LimitName = keyof typeof limits

/** Who attempts what. Keys are digested, so that no address is stored; addresses in them are separated by spaces. */
export interface Attempt {
  readonly limit: LimitName
  readonly key: string
}

export interface Limits {
  /** Counts attempts. @throws Problem `too_many_requests` with the time to wait when one of them is over its limit */
  count(...attempts: readonly Attempt[]): Promise<void>
  /** The same without counting. */
  check(...attempts: readonly Attempt[]): Promise<void>
  /** Takes attempts back: the guess was right. */
  undo(...attempts: readonly Attempt[]): Promise<void>
}

export function newLimits(store: AttemptStore): Limits {
  async function each(ask: 'count' | 'look', attempts: readonly Attempt[]): Promise<void> {
    for (const attempt of attempts) {
      const { allowed, endsInMs } = await store[ask](storedKey(attempt), limits[attempt.limit])
      if (!allowed) throw tooMany(endsInMs)
    }
  }
  return {
    count: (...attempts) => each('count', attempts),
    check: (...attempts) => each('look', attempts),
    async undo(...attempts) {
      for (const attempt of attempts) await store.undo(storedKey(attempt))
    },
  }
}

function storedKey({ limit, key }: Attempt): string {
  return `${limit} ${digestOf(key.split(' ').map(networkOf).join(' '))}`
}

/**
 * What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, since whoever has one of these
 * usually has all with the same beginning. Any other text is returned as it is.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  // The URL parser writes every form of an address in one way.
  const [head = '', tail] = new URL(`http://[${address.replace(/%.*/, '')}]/`).hostname.slice(1, -1).split('::')
  const [before, after] = [head, tail ?? ''].map((text) => text.split(':').filter((group) => group !== ''))
  const zeros = tail === undefined ? 0 : 8 - (before?.length ?? 0) - (after?.length ?? 0)
  const groups = [...(before ?? []), ...Array.from({ length: zeros }, () => '0'), ...(after ?? [])]
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** 429 with the seconds to wait. */
export function tooMany(waitMs: number): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new Problem('too_many_requests', `Too many attempts: try again in ${seconds} seconds.`, {
    headers: { 'retry-after': `${seconds}` },
  })
}
