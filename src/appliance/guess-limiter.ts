/** Slows down those who guess the token without locking out those who know it. */
import { isIPv6 } from 'node:net'

export interface GuessLimiter {
  /** Whether this address has failed too often lately: then its requests are not even checked. */
  isBlocked(address: string): boolean
  /** Notes a failure. */
  failed(address: string): void
  /**
   * Waits as long as a failed change of the token must. `evaluated` runs only when no other attempt of this address, and
   * not too many altogether, are waiting; otherwise the attempt counts as failed. Returns whether it succeeded.
   */
  attempt(address: string, evaluate: () => boolean): Promise<boolean>
  /** The pause itself. */
  pause(): Promise<void>
  /** Failures since the start. */
  readonly failures: number
}

export interface GuessLimits {
  /** Failures that one address, and all together, may make in a row. They come back over a minute. */
  readonly perAddress: number
  readonly altogether: number
  readonly pauseMs: number
  readonly now: () => number
}

const usual: GuessLimits = { perAddress: 10, altogether: 100, pauseMs: 2_000, now: Date.now }
const maxWaiting = 32
const maxAddresses = 10_000

/** Counts failures by address; IPv6 addresses by their /64, which is what one person has. */
export function newGuessLimiter(chosen: Partial<GuessLimits> = {}): GuessLimiter {
  const { perAddress, altogether, pauseMs, now } = { ...usual, ...chosen }
  const buckets = new Map<string, { used: number; at: number }>()
  const all = { used: 0, at: now() }
  const waiting = new Set<string>()
  let failures = 0

  const drain = (bucket: { used: number; at: number }, size: number) => {
    bucket.used = Math.max(0, bucket.used - ((now() - bucket.at) / 60_000) * size)
    bucket.at = now()
    return bucket
  }
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, pauseMs))

  return {
    get failures() {
      return failures
    },
    isBlocked(address) {
      const bucket = buckets.get(networkOf(address))
      if (bucket === undefined) return false
      const { used } = drain(bucket, perAddress)
      // Clients that have not failed are not slowed down by those that have.
      return used > perAddress - 1 || (used > 0.5 && drain(all, altogether).used > altogether - 1)
    },
    failed(address) {
      failures += 1
      const network = networkOf(address)
      const bucket = drain(buckets.get(network) ?? { used: 0, at: now() }, perAddress)
      bucket.used = Math.min(perAddress, bucket.used + 1)
      buckets.delete(network)
      buckets.set(network, bucket)
      drain(all, altogether).used = Math.min(altogether, all.used + 1)
      // The one that failed longest ago is forgotten first.
      const oldest = buckets.size > maxAddresses ? buckets.keys().next().value : undefined
      if (oldest !== undefined) buckets.delete(oldest)
    },
    pause,
    async attempt(address, evaluate) {
      const network = networkOf(address)
      if (waiting.has(network) || waiting.size >= maxWaiting) {
        await pause()
        return false
      }
      if (evaluate()) return true
      waiting.add(network)
      try {
        await pause()
        return false
      } finally {
        waiting.delete(network)
      }
    },
  }
}

/** What one person may be taken to hold: an IPv4 address, or 64 bits of an IPv6 one. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
