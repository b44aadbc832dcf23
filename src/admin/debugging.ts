/** Domains whose requests are logged one by one for a while. All processes notice within seconds. */
import type { SecretStore } from '../../storage/files/contract.ts'
import { digestOf } from '../auth/codes.ts'

export interface Debugging {
  /** When it ends; `undefined` when the domain is not logged. */
  until(domain: string): Promise<Date | undefined>
  begin(domain: string, seconds: number): Promise<void>
  end(domain: string): Promise<void>
}

const place = { prefix: 'global', kind: 'debug' } as const

export function openDebugging(
  secrets: Pick<SecretStore, 'set' | 'get' | 'take'>,
  now: () => number = Date.now,
): Debugging {
  return {
    async until(domain) {
      const text = await secrets.get(place.prefix, place.kind, digestOf(domain))
      return text === undefined ? undefined : new Date(text)
    },
    async begin(domain, seconds) {
      const until = new Date(now() + seconds * 1000).toISOString()
      await secrets.set(place.prefix, place.kind, digestOf(domain), until, seconds * 1000)
    },
    async end(domain) {
      await secrets.take(place.prefix, place.kind, digestOf(domain))
    },
  }
}
