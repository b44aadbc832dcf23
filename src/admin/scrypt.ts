/** Password hashes as one line of text: `scrypt$N$r$p$salt$key`, salt and key in hex. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const cost = { N: 32_768, r: 8, p: 1 } as const
const saltBytes = 16
const keyBytes = 32
/** A hash from elsewhere may ask for more work than ours, but not for more than this. */
const maxMemory = 256 * 1024 ** 2

interface Parsed {
  readonly N: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly key: Buffer
}

/** Hashes a password with a fresh salt. Takes 0.1 to 0.2 s and 32 MB. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes)
  const key = await derive(password, { ...cost, salt, key: Buffer.alloc(keyBytes) })
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('hex')}$${key.toString('hex')}`
}

/** Whether a password belongs to a hash. Other costs and salt lengths than ours are accepted. Rejects when the hash is malformed. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const parsed = parseHash(hash)
  if (parsed === undefined) throw new Error('a password hash is not of the form scrypt$N$r$p$salt$key')
  return timingSafeEqual(await derive(password, parsed), parsed.key)
}

/** True for text that `verifyPassword` can work with. */
export function isPasswordHash(hash: string): boolean {
  return parseHash(hash) !== undefined
}

function parseHash(hash: string): Parsed | undefined {
  const match = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$((?:[0-9a-f]{2})+)\$((?:[0-9a-f]{2}){16,})$/i.exec(
    hash.trim(),
  )
  if (match === null) return undefined
  const [, N, r, p, salt = '', key = ''] = match
  const parsed = {
    N: Number(N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'hex'),
    key: Buffer.from(key, 'hex'),
  }
  const powerOfTwo = parsed.N > 1 && (parsed.N & (parsed.N - 1)) === 0
  const affordable =
    parsed.p > 0 && parsed.r > 0 && 128 * parsed.N * parsed.r + 128 * parsed.r * parsed.p <= maxMemory / 2
  return powerOfTwo && affordable ? parsed : undefined
}

function derive(password: string, { N, r, p, salt, key }: Parsed): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, key.length, { N, r, p, maxmem: maxMemory }, (error, derived) => {
      // Node gives null and Bun undefined when all is well.
      if (error) reject(error)
      else resolve(derived)
    })
  })
}
