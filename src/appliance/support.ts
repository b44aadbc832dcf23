/** Builds the downloads for support: one build of each at a time, shared by requests that arrive during it. */
import { constants, createCipheriv, createPublicKey, pbkdf2Sync, publicEncrypt, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encipher, newAgeKeys, recipientOf } from './age.ts'
import { type BuiltFile, type BundleFile, buildArchive, logFiles, tarOfBuilt, writeFrom } from './bundles.ts'
import type { ApplianceConfig } from './configuration.ts'
import { readIfThere, writeDurably } from './durable-file.ts'
import type { Hooks } from './hooks.ts'
import { newJobId } from './job-id.ts'
import type { Places } from './places.ts'

export interface Support {
  /** A gzipped tar of the logs. Rejects when it cannot be made. */
  logs(): Promise<BuiltFile>
  /** A tar of enciphered archives; `undefined` when the configuration has turned it off. Rejects when it cannot be made. */
  debug(): Promise<BuiltFile | undefined>
}

export interface SupportOptions {
  readonly places: Places
  readonly config: () => ApplianceConfig
  readonly hooks: Hooks
  readonly proc: string
  /** Further text files for the bundle, without secrets. */
  readonly collect: () => Promise<Readonly<Record<string, string>>>
  readonly warn: (event: string) => void
}

/** Opens the downloads for support. */
export function openSupport({ places, config, hooks, proc, collect, warn }: SupportOptions): Support {
  const files = () => logFiles(places.log, config().logs)

  async function collected(): Promise<BundleFile[]> {
    const found: BundleFile[] = []
    for (const name of [
      'version',
      'loadavg',
      'meminfo',
      'mounts',
      'uptime',
      'diskstats',
      'net/dev',
      'net/route',
      'pressure/cpu',
      'pressure/io',
      'pressure/memory',
    ]) {
      const text = await readFile(join(proc, name), 'latin1').catch(() => undefined)
      if (text !== undefined) found.push({ name: `proc/${name.replaceAll('/', '-')}.txt`, from: { text } })
    }
    const release = await readIfThere('/etc/os-release').catch(() => undefined)
    if (release !== undefined) found.push({ name: 'os-release.txt', from: { text: release } })
    for (const [name, text] of Object.entries(await collect())) found.push({ name, from: { text } })
    return found
  }

  async function fromHook(folder: string): Promise<BundleFile[]> {
    await mkdir(folder, { mode: 0o700 })
    const said = await hooks.run('debug-collect', { input: { folder } })
    if (said === undefined) return []
    return (await readdir(folder)).sort().map((name) => ({ name: `hook/${name}`, from: { path: join(folder, name) } }))
  }

  async function buildDebug(): Promise<BuiltFile> {
    const job = newJobId()
    const folder = join(places.staging, `debug-${job}`)
    try {
      const seal = await sealFor(places, config().update.recipients, warn)
      const extra = await fromHook(folder)
      const debug = await buildArchive(places.uploads, [...(await collected()), ...extra])
      const logs = await buildArchive(places.uploads, await files())
      const sealed = [...seal.head]
      for (const [name, built] of [
        ['debug.tar.gz', debug],
        ['logs.tar.gz', logs],
      ] as const) {
        try {
          const bytes = await seal.bytes(createReadStream(built.path) as AsyncIterable<Uint8Array>)
          sealed.push({ name: name + seal.suffix, built: await writeFrom(places.uploads, bytes) })
        } finally {
          await rm(built.path, { force: true })
        }
      }
      return await writeFrom(places.uploads, tarOfBuilt(sealed))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  return {
    logs: async () => buildArchive(places.uploads, await files()),
    async debug() {
      const { debug } = config()
      const off = typeof debug === 'object' && debug !== null && 'enabled' in debug && debug.enabled === false
      return off ? undefined : buildDebug()
    },
  }
}

interface Seal {
  readonly suffix: string
  /** Files that come first in the bundle. */
  readonly head: { name: string; built: BuiltFile }[]
  bytes(clear: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>>
}

/**
 * How bundles are enciphered: for the recipients of the configuration, else for the RSA key of an image for the older
 * appliance and in its layout, else for a key of this machine's own, so that there is never one in plain text.
 */
async function sealFor(places: Places, recipients: readonly string[], warn: (event: string) => void): Promise<Seal> {
  if (recipients.length > 0) return ageSeal(recipients)
  const rsa = await readIfThere(join(places.etc, 'updates.pub'))
  if (rsa?.includes('PUBLIC KEY')) return rsaSeal(places, rsa)
  const file = join(places.etc, 'support.identity')
  let identity = (await readIfThere(file))?.trim()
  if (identity === undefined) {
    identity = (await newAgeKeys()).identity
    await writeDurably(file, `${identity}\n`)
    warn('no recipient for debug bundles is configured: they are enciphered for a key of this machine')
  }
  return ageSeal([await recipientOf(identity)])
}

function ageSeal(recipients: readonly string[]): Seal {
  return { suffix: '.age', head: [], bytes: (clear) => encipher(recipients, clear) }
}

/** A random passphrase, enciphered with RSA, and files as `openssl enc -aes-256-cbc -pbkdf2` writes them. */
async function rsaSeal(places: Places, pem: string): Promise<Seal> {
  const passphrase = randomBytes(32).toString('base64')
  const key = publicEncrypt(
    { key: createPublicKey(pem), padding: constants.RSA_PKCS1_PADDING },
    Buffer.from(passphrase),
  )
  const built = await writeFrom(places.uploads, [key].values() as never)
  return {
    suffix: '.enc',
    head: [{ name: 'debug.key.enc', built }],
    async bytes(clear) {
      const salt = randomBytes(8)
      const derived = pbkdf2Sync(passphrase, salt, 10_000, 48, 'sha256')
      const cipher = createCipheriv('aes-256-cbc', derived.subarray(0, 32), derived.subarray(32))
      return (async function* () {
        yield Buffer.concat([Buffer.from('Salted__'), salt])
        for await (const chunk of clear) yield cipher.update(chunk)
        yield cipher.final()
      })()
    },
  }
}
