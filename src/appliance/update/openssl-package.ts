/**
 * Packages as the older appliance has them: `openssl enc -aes-256-cbc` over a tar of `software_package.tar.gz` and its
 * detached RSA signature.
 */
import { createDecipheriv, createHash, createVerify, pbkdf2Sync } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { readTar, TarError } from '../tar.ts'
import { type OpenedPackage, PackageError, type PackageStep } from './package.ts'

/** What leads these files. */
export const opensslMark = 'Salted__'

const inner = 'software_package.tar.gz'
const signature = 'software_package.tar.gz.sign'
const rounds = 10_000
const maxRatio = 200

export interface OpensslKeys {
  /** Its first line. */
  readonly passphrase: string
  /** RSA, as PEM. */
  readonly publicKey: string
  /** Also take files whose key was derived with MD5, as old versions of openssl did. */
  readonly legacyMd5: boolean
}

/** Opens such a package in an empty folder. Throws a PackageError. */
export async function openOpensslPackage(
  path: string,
  folder: string,
  keys: OpensslKeys,
  step: (step: PackageStep) => Promise<void>,
): Promise<OpenedPackage> {
  const archive = join(folder, 'package.tar')
  await decipherAny(path, archive, keys)
  for await (const entry of refused(readTar(createReadStream(archive), { entries: 2 }))) {
    if (entry.name !== inner && entry.name !== signature) throw new PackageError(`The package holds ${entry.name}`)
    await writeEntry(join(folder, entry.name), entry.body)
  }
  await rm(archive)
  await step('deciphered')
  const signed = await readFile(join(folder, signature)).catch(() => Buffer.alloc(0))
  const verify = createVerify('sha256')
  for await (const chunk of createReadStream(join(folder, inner))) verify.update(chunk)
  if (!verify.verify(keys.publicKey, signed))
    throw new PackageError('Error verifying software update package signature')
  await step('verified')
  const facts = await factsOf(join(folder, inner))
  return {
    ...facts,
    product: undefined,
    arch: undefined,
    minFrom: undefined,
    manifest: { format: 'openssl', version: facts.version },
    async unpack(target) {
      for await (const entry of refused(readTar(gunzipped(join(folder, inner))))) {
        if (entry.type === 'directory') await mkdir(join(target, entry.name), { recursive: true, mode: 0o700 })
        else {
          await mkdir(dirname(join(target, entry.name)), { recursive: true, mode: 0o700 })
          await writeEntry(join(target, entry.name), entry.body, entry.mode & 0o100 ? 0o700 : 0o600)
        }
      }
    },
  }
}

/** Version and installer, without writing anything. */
async function factsOf(path: string): Promise<Pick<OpenedPackage, 'version' | 'installer'>> {
  let version: string | undefined
  let installer: string | undefined
  for await (const entry of refused(readTar(gunzipped(path)))) {
    if (entry.name === 'update.sh' && entry.type === 'file') installer = 'update.sh'
    if (entry.name !== 'version.txt' || entry.size > 4_096) continue
    const chunks: Uint8Array[] = []
    for await (const chunk of entry.body) chunks.push(Buffer.from(chunk))
    version = Buffer.concat(chunks).toString('utf8').split('\n')[0]?.trim() || undefined
  }
  return { version, installer }
}

async function decipherAny(path: string, target: string, keys: OpensslKeys): Promise<void> {
  const digests = keys.legacyMd5 ? (['sha256', 'md5'] as const) : (['sha256'] as const)
  for (const digest of digests) {
    try {
      return await decipher(path, target, keys.passphrase, digest)
    } catch (cause) {
      await rm(target, { force: true })
      if (digest === digests.at(-1)) throw new PackageError('Error decrypting software update package', { cause })
    }
  }
}

async function decipher(path: string, target: string, passphrase: string, digest: 'sha256' | 'md5'): Promise<void> {
  const head = await readHead(path, 16)
  const { key, iv } = deriveKey(passphrase, head.subarray(8), digest)
  const file = await open(target, 'wx', 0o600)
  await pipeline(
    createReadStream(path, { start: 16 }),
    createDecipheriv('aes-256-cbc', key, iv),
    file.createWriteStream(),
  )
}

/** As `openssl enc` derives key and IV: PBKDF2 with SHA-256, or the chain of MD5 from before version 1.1. */
export function deriveKey(passphrase: string, salt: Uint8Array, digest: 'sha256' | 'md5'): { key: Buffer; iv: Buffer } {
  if (digest === 'sha256') {
    const bytes = pbkdf2Sync(passphrase, salt, rounds, 48, 'sha256')
    return { key: bytes.subarray(0, 32), iv: bytes.subarray(32) }
  }
  let bytes = Buffer.alloc(0)
  for (let last = Buffer.alloc(0); bytes.length < 48; bytes = Buffer.concat([bytes, last])) {
    last = createHash('md5').update(last).update(passphrase).update(salt).digest()
  }
  return { key: bytes.subarray(0, 32), iv: bytes.subarray(32, 48) }
}

async function readHead(path: string, count: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Guards against decompression bombs: the output may not exceed this multiple of the input. */
async function* gunzipped(path: string): AsyncGenerator<Uint8Array> {
  let taken = 0
  let produced = 0
  const source = Readable.from(
    (async function* () {
      for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
        taken += chunk.length
        yield chunk
      }
    })(),
  )
  const gunzip = createGunzip()
  // What goes wrong comes out of its other end.
  pipeline(source, gunzip).catch(() => {})
  for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
    produced += chunk.length
    if (produced > maxRatio * taken + 1024 ** 2) throw new TarError('it inflates too much')
    yield chunk
  }
}

async function writeEntry(path: string, body: AsyncIterable<Uint8Array>, mode = 0o600): Promise<void> {
  await rm(path, { force: true })
  await writeFile(path, body, { flag: 'wx', mode })
}

async function* refused<T>(entries: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* entries
  } catch (cause) {
    if (cause instanceof PackageError) throw cause
    const reason = cause instanceof TarError ? `: ${cause.message}` : ''
    throw new PackageError(`Error extracting software update package${reason}`, { cause })
  }
}
