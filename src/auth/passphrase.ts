/** Checking and changing the passphrase of an instance's owner. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { verifyPassword } from '../admin/scrypt.ts'
import { readDocument } from '../instances/own-documents.ts'
import { clientHash, defaultIterations, mostIterations, saltDomain } from '../instances/password.ts'
import type { Instance } from '../instances/service.ts'

/** A passphrase as it comes: in plain text from a plain form, or already hashed by a client that does that itself. */
export type GivenPassphrase = { readonly clear: string } | { readonly hashed: string }

/** Rounds of PBKDF2 that clients apply to this instance's passphrase. */
export async function iterationsOf(store: Pick<DocumentStore, 'read'>, { prefix }: Instance): Promise<number> {
  const vault = await readDocument(store, { prefix, name: 'io.cozy.settings' }, 'io.cozy.settings.bitwarden')
  const iterations = vault?.value['passphrase_kdf_iterations']
  // Applications may write settings: an excessive number of rounds would delay everyone else's logins.
  const isUsable = Number.isInteger(iterations) && Number(iterations) > 0 && Number(iterations) <= mostIterations
  return isUsable ? Number(iterations) : defaultIterations
}

export interface PassphraseCheck {
  /** False also when the instance has none. One check at a time: it takes a tenth of a second of one core and 32 MiB. */
  verify(instance: Instance, presented: GivenPassphrase): Promise<boolean>
}

export function newPassphraseCheck(store: Pick<DocumentStore, 'read'>): PassphraseCheck {
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    queue = result.catch(() => undefined)
    return result
  }
  return {
    async verify(instance, presented) {
      const kept = instance.document['passphrase_hash']
      if (typeof kept !== 'string' || kept === '') return false
      const line = Buffer.from(kept, 'base64').toString('utf8')
      if ('hashed' in presented) return inTurn(() => verifyPassword(presented.hashed, line))
      const iterations = await iterationsOf(store, instance)
      // An instance that got its domain after its passphrase was set, or before.
      const domains = new Set([saltDomain(instance), instance.domain])
      return inTurn(async () => {
        for (const domain of domains) {
          if (await verifyPassword(await clientHash(presented.clear, domain, iterations), line)) return true
        }
        return false
      })
    },
  }
}
