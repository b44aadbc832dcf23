/** The owner's password as clients send it, and as it is kept. */
import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { hashPassword } from '../admin/scrypt.ts'
import { withoutPort } from './domain.ts'
import type { Instance } from './instance.ts'
import { invalidParameter } from './problems.ts'

const derive = promisify(pbkdf2)

/** Rounds of PBKDF2 where a client says nothing else. */
export const defaultIterations = 650_000
const leastIterations = 50_000
export const mostIterations = 5_000_000

export interface GivenPassword {
  /** Hashed by the client when `key` or `kdfIterations` comes with it, the clear password otherwise. */
  readonly passphrase: string
  /** The vault's key, encrypted by the client. */
  readonly key?: string | undefined
  readonly kdfIterations?: number | undefined
  /** The registration token with which the first one is chosen: it counts once, whoever else tries it at the same time. */
  readonly registerToken?: string | undefined
}

export interface KeptPassword {
  /** base64 of a `scrypt$...` line. */
  readonly hash: string
  readonly kdfIterations: number
}

/** @throws Problem `invalid_parameter` outside 50,000 to 5,000,000; 0 and nothing mean "not given". */
export function checkIterations(iterations: number | undefined): void {
  if (iterations === undefined || iterations === 0) return
  const parameter = 'KdfIterations'
  if (iterations < leastIterations) throw invalidParameter(parameter, 'The KdfIterations number is too low')
  if (iterations > mostIterations) throw invalidParameter(parameter, 'The KdfIterations number is too high')
}

/** Hashes a password for keeping; a clear one is first hashed as a client of this domain would. Takes up to a second. */
export async function keepPassword(password: GivenPassword, domain: string): Promise<KeptPassword> {
  const hashedByClient = password.key !== undefined || (password.kdfIterations ?? 0) > 0
  const secret = hashedByClient ? password.passphrase : await clientHash(password.passphrase, domain)
  const line = await hashPassword(secret)
  return { hash: Buffer.from(line).toString('base64'), kdfIterations: password.kdfIterations || defaultIterations }
}

/** What a client sends instead of the clear password. */
export async function clientHash(
  password: string,
  domain: string,
  iterations: number = defaultIterations,
): Promise<string> {
  const master = await derive(password, `me@${withoutPort(domain)}`, iterations, 32, 'sha256')
  return (await derive(master, password, 1, 32, 'sha256')).toString('base64')
}

/** The domain in the salt of an instance's passphrase: the one that it had before, where it got another. */
export function saltDomain({ document, domain }: Pick<Instance, 'document' | 'domain'>): string {
  const old = document['old_domain']
  return typeof old === 'string' && old !== '' ? old : domain
}
