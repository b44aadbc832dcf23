/**
 * The admin passphrase: given by the environment, else kept in a secret file, else generated
 * once and kept as a hash in the database, so that several processes share it.
 */
import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { type StoredSecret, secretInDatabase, secretInFile } from './passphrase-source.ts'
import { hashPassword, verifyPassword } from './scrypt.ts'

export interface AdminAuth {
  /** `missing`: there is nothing to compare with (the secret file is gone), a fault of the operator. */
  verify(password: string): Promise<'ok' | 'bad' | 'missing'>
  /** The passphrase if it was generated now, to be printed once. */
  readonly generated?: string
}

export interface AdminAuthOptions {
  readonly store: DocumentStore
  /** `admin.passphrase`. */
  readonly fromEnvironment?: string | undefined
  /** `admin.secret_filename`: a file with one line `scrypt$...`, read again when it changes. */
  readonly secretFile?: string | undefined
}

/** Successful checks that are remembered, as keyed digests: basic auth would cost 0.15 s a request otherwise. */
const maxRemembered = 32

/**
 * Opens the check of the admin passphrase. Rejects with a message for the operator when the secret file cannot be read
 * or holds no hash.
 */
export async function openAdminAuth({ store, fromEnvironment, secretFile }: AdminAuthOptions): Promise<AdminAuth> {
  const digest = keyedDigest()
  if (fromEnvironment !== undefined && fromEnvironment !== '') {
    const expected = digest(fromEnvironment)
    return { verify: async (password) => (timingSafeEqual(digest(password), expected) ? 'ok' : 'bad') }
  }
  const source = secretFile === undefined ? await secretInDatabase(store, newSecret) : await secretInFile(secretFile)
  const verify = checkAgainst(source.read, digest)
  return source.generated === undefined ? { verify } : { verify, generated: source.generated }
}

/** A passphrase that a person can type: 24 characters without look-alikes in groups of six, about 119 bits. */
export function generatePassphrase(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
  const group = () => Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)]).join('')
  return [group(), group(), group(), group()].join('-')
}

/** The line that a secret file holds. */
export function hashPassphrase(passphrase: string): Promise<string> {
  return hashPassword(passphrase)
}

async function newSecret(): Promise<StoredSecret> {
  const passphrase = generatePassphrase()
  return { passphrase, hash: await hashPassword(passphrase) }
}

/** Digests under a key that only this process knows: remembered entries are useless elsewhere. */
function keyedDigest(): (text: string) => Buffer {
  const key = randomBytes(32)
  return (text) => createHmac('sha256', key).update(text).digest()
}

function checkAgainst(
  read: () => Promise<string | undefined>,
  digest: (text: string) => Buffer,
): (password: string) => Promise<'ok' | 'bad' | 'missing'> {
  const remembered = new Set<string>()
  let queue: Promise<unknown> = Promise.resolve()

  return async (password) => {
    const hash = await read()
    if (hash === undefined) return 'missing'
    // The hash is part of the key: what was right for an older passphrase is forgotten.
    const key = digest(`${hash}\n${password}`).toString('base64')
    if (remembered.has(key)) return 'ok'
    // One at a time: guessing must not take all memory and cores.
    const checked = queue.then(() => remembered.has(key) || verifyPassword(password, hash))
    queue = checked.catch(() => undefined)
    if (!(await checked)) return 'bad'
    if (remembered.size >= maxRemembered) remembered.clear()
    remembered.add(key)
    return 'ok'
  }
}
