/**
 * Packages of ours: a tar enciphered with age. `manifest.json` comes first, then `manifest.sig`, an Ed25519 signature of its
 * bytes, then the files that it lists, in its order, below `payload`.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { decipher, encipher } from '../age.ts'
import { codeOf, syncFolder } from '../durable-file.ts'
import { isSignedBy, signBytes } from '../signing-keys.ts'
import { readTar, TarError, tarEnd, tarHeader, tarPadding } from '../tar.ts'
import { type OpenedPackage, PackageError, type PackageStep } from './package.ts'

const maxManifestBytes = 16 * 1024 ** 2

const File = z.object({
  path: z.string(),
  size: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  executable: z.boolean().default(false),
})

export const PackageManifest = z.object({
  format: z.literal(1),
  product: z.string(),
  version: z.string(),
  min_from: z.string().optional(),
  arch: z.string(),
  created: z.string(),
  /** A script among the files. */
  installer: z.string().optional(),
  files: z.array(File).max(200_000),
})
export type PackageManifest = z.infer<typeof PackageManifest>

export interface AgeKeys {
  readonly identities: readonly string[]
  readonly signers: readonly string[]
}

/** Opens such a package in an empty folder. Throws a PackageError. */
export async function openAgePackage(
  path: string,
  folder: string,
  { identities, signers }: AgeKeys,
  step: (step: PackageStep) => Promise<void>,
): Promise<OpenedPackage> {
  const archive = join(folder, 'package.tar')
  try {
    // Completely, before anything in it is processed: changed or missing bytes are detected here.
    await writeFile(archive, await decipher(identities, createReadStream(path) as AsyncIterable<Uint8Array>), {
      flag: 'wx',
      mode: 0o600,
    })
  } catch (cause) {
    if (codeOf(cause) === 'ENOSPC') throw cause
    throw new PackageError('Error decrypting software update package', { cause })
  }
  await step('deciphered')
  const manifest = await readManifest(archive, signers)
  await step('verified')
  return {
    version: manifest.version,
    product: manifest.product,
    arch: manifest.arch,
    minFrom: manifest.min_from,
    installer: manifest.installer,
    manifest,
    unpack: (target) => unpack(archive, manifest, target),
  }
}

/** The manifest, when one of the signers signed it. */
async function readManifest(archive: string, signers: readonly string[]): Promise<PackageManifest> {
  const parts: Buffer[] = []
  for await (const entry of refused(readTar(createReadStream(archive), limits))) {
    const wanted = ['manifest.json', 'manifest.sig'][parts.length]
    if (entry.name !== wanted || entry.size > maxManifestBytes) throw new PackageError(`The package has no ${wanted}`)
    const chunks: Uint8Array[] = []
    for await (const chunk of entry.body) chunks.push(Buffer.from(chunk))
    parts.push(Buffer.concat(chunks))
    if (parts.length === 2) break
  }
  const [text, signature] = parts
  if (text === undefined || signature === undefined) throw new PackageError('The package has no manifest and signature')
  if (!isSignedBy(signers, text, signature)) throw new PackageError('Error verifying software update package signature')
  try {
    return PackageManifest.parse(JSON.parse(text.toString('utf8')))
  } catch (cause) {
    throw new PackageError('The manifest of the package is malformed', { cause })
  }
}

const limits = { totalBytes: 64 * 1024 ** 3 }

async function unpack(archive: string, manifest: PackageManifest, target: string): Promise<void> {
  const left = new Map(manifest.files.map((file) => [`payload/${file.path}`, file]))
  const folders = new Set<string>([target])
  for await (const entry of refused(readTar(createReadStream(archive), limits))) {
    if (entry.name === 'manifest.json' || entry.name === 'manifest.sig') continue
    const file = left.get(entry.name)
    if (file === undefined || entry.type !== 'file' || entry.size !== file.size) {
      throw new PackageError(`${entry.name} is not in the manifest of the package`)
    }
    left.delete(entry.name)
    const place = join(target, entry.name.slice('payload/'.length))
    for (let above = dirname(place); above.length > target.length; above = dirname(above)) folders.add(above)
    await mkdir(dirname(place), { recursive: true, mode: 0o755 })
    const hash = createHash('sha256')
    const handle = await open(place, 'wx', file.executable ? 0o755 : 0o644)
    try {
      for await (const chunk of entry.body) {
        hash.update(chunk)
        for (let written = 0; written < chunk.length; ) written += (await handle.write(chunk, written)).bytesWritten
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (hash.digest('hex') !== file.sha256) throw new PackageError(`${entry.name} is not what was signed`)
  }
  const [missing] = left.keys()
  if (missing !== undefined) throw new PackageError(`${missing} is missing from the package`)
  for (const folder of folders) await syncFolder(folder)
}

export interface PackageSource {
  readonly product: string
  readonly version: string
  readonly arch: string
  readonly minFrom?: string | undefined
  readonly installer?: string | undefined
  /** Paths in the package, each with the file that it is made of. */
  readonly files: readonly { readonly path: string; readonly from: string; readonly executable: boolean }[]
}

/** Makes a package: signed by `secret`, enciphered for `recipients`. */
export async function makePackage(
  source: PackageSource,
  keys: { readonly secret: string; readonly recipients: readonly string[] },
): Promise<AsyncIterable<Uint8Array>> {
  const files = []
  for (const { path, from, executable } of source.files) {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(from)) hash.update(chunk)
    files.push({ path, size: (await stat(from)).size, sha256: hash.digest('hex'), executable })
  }
  const manifest: PackageManifest = PackageManifest.parse({
    format: 1,
    product: source.product,
    version: source.version,
    ...(source.minFrom !== undefined && { min_from: source.minFrom }),
    arch: source.arch,
    created: new Date().toISOString(),
    ...(source.installer !== undefined && { installer: source.installer }),
    files,
  })
  const text = Buffer.from(JSON.stringify(manifest))
  return encipher(keys.recipients, tarOf(text, signBytes(keys.secret, text), source))
}

async function* tarOf(manifest: Buffer, signature: Buffer, { files }: PackageSource): AsyncGenerator<Uint8Array> {
  const time = Math.floor(Date.now() / 1000)
  for (const [name, bytes] of [
    ['manifest.json', manifest],
    ['manifest.sig', signature],
  ] as const) {
    yield tarHeader({ name, size: bytes.length, time })
    yield bytes
    yield tarPadding(bytes.length)
  }
  for (const { path, from, executable } of files) {
    const { size } = await stat(from)
    yield tarHeader({ name: `payload/${path}`, size, time, mode: executable ? 0o755 : 0o644 })
    yield* createReadStream(from) as AsyncIterable<Uint8Array>
    yield tarPadding(size)
  }
  yield tarEnd
}

async function* refused<T>(entries: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* entries
  } catch (cause) {
    if (!(cause instanceof TarError)) throw cause
    throw new PackageError(`Error extracting software update package: ${cause.message}`, { cause })
  }
}
