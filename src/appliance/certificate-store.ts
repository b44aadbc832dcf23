/** The certificate of the appliance listener: the one that was uploaded last, one that was put there by hand, or our own. */
import { createHash, X509Certificate } from 'node:crypto'
import { mkdir, readdir, readlink, rename, rm, stat } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { basename, join } from 'node:path'
import { StartupError } from '../model/startup-error.ts'
import { type KeyAndCertificate, selfSignedCertificate } from '../self-signed.ts'
import { pointLink, readIfThere, syncFolder, writeDurably } from './durable-file.ts'
import { reach } from './failpoints.ts'
import type { Places } from './places.ts'

export interface CertificateFiles {
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** Browsers refuse certificates that are valid for longer. */
const days = 825
/** Our own certificate is made again when it ends sooner than this. */
const renewBeforeMs = 30 * 86_400_000
/** Pairs that are kept beside the current one. */
const keptPairs = 2

/**
 * The pair to serve: of the files that the configuration names, else the one that was uploaded last, else the one that
 * is in `tls` in the data directory, else one of our own, which is made when there is none or it runs out.
 */
export async function openCertificate(
  places: Pick<Places, 'pki'>,
  dataDir: string,
  files: CertificateFiles = {},
  now = new Date(),
): Promise<KeyAndCertificate> {
  if (files.cert !== undefined && files.key !== undefined) return readPair(files.key, files.cert)
  const current = join(places.pki, 'current')
  const tls = join(dataDir, 'tls')
  const found =
    (await readPairIfThere(join(current, 'key.pem'), join(current, 'chain.pem'))) ??
    (await readPairIfThere(join(tls, 'appliance.key'), join(tls, 'appliance.crt')))
  if (found !== undefined && !isOursAndEnding(found.cert, now)) return found
  const made = await selfSignedCertificate({ names: namesOfMachine(), notBefore: now, days })
  await installPair(places, made)
  return made
}

/** Puts a pair on disk and makes it the current one in one step. */
export async function installPair({ pki }: Pick<Places, 'pki'>, { key, cert }: KeyAndCertificate): Promise<void> {
  const name = createHash('sha256').update(cert).update(key).digest('hex')
  const folder = join(pki, name)
  const draft = `${folder}.new`
  await mkdir(pki, { recursive: true, mode: 0o700 })
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  await writeDurably(join(draft, 'key.pem'), key, 0o600)
  await writeDurably(join(draft, 'chain.pem'), cert, 0o644)
  await reach('certs:written')
  if ((await readIfThere(join(folder, 'chain.pem'))) === undefined) {
    await rm(folder, { recursive: true, force: true })
    await rename(draft, folder)
  } else await rm(draft, { recursive: true })
  await syncFolder(pki)
  await reach('certs:placed')
  const before = await readlink(join(pki, 'current')).catch(() => undefined)
  await pointLink(join(pki, 'current'), name)
  await reach('certs:switched')
  await forgetOld(pki, [name, before])
}

/** When a certificate ends, as Unix seconds. */
export function endOf({ cert }: KeyAndCertificate): number {
  return new Date(new X509Certificate(cert).validTo).getTime() / 1000
}

async function forgetOld(pki: string, kept: readonly (string | undefined)[]): Promise<void> {
  const entries = await readdir(pki, { withFileTypes: true })
  const old = entries.filter((entry) => entry.isDirectory() && !kept.includes(entry.name))
  const byAge = await Promise.all(old.map(async ({ name }) => ({ name, at: await changedAt(join(pki, name)) })))
  byAge.sort((one, other) => other.at - one.at)
  for (const { name } of byAge.slice(keptPairs - 1)) await rm(join(pki, name), { recursive: true, force: true })
}

async function readPairIfThere(keyFile: string, certFile: string): Promise<KeyAndCertificate | undefined> {
  const [key, cert] = await Promise.all([readIfThere(keyFile), readIfThere(certFile)])
  if ((key === undefined) !== (cert === undefined)) {
    throw new StartupError(`only one of ${keyFile} and ${basename(certFile)} is there: add the other, or remove it`)
  }
  if (key === undefined || cert === undefined) return undefined
  checkReadable(cert, certFile)
  return { key, cert }
}

async function readPair(keyFile: string, certFile: string): Promise<KeyAndCertificate> {
  const pair = await readPairIfThere(keyFile, certFile)
  if (pair === undefined) throw new StartupError(`appliance.tls: there is no ${keyFile} and no ${certFile}`)
  return pair
}

function checkReadable(cert: string, file: string): void {
  try {
    new X509Certificate(cert)
  } catch (error) {
    throw new StartupError(`${file} is not a certificate in PEM: replace it, or remove it and its key`, {
      cause: error,
    })
  }
}

/** Ours signed itself for `localhost`; an operator's is never replaced. */
function isOursAndEnding(cert: string, now: Date): boolean {
  const { issuer, subject, validTo } = new X509Certificate(cert)
  const ours = issuer === subject && subject === 'CN=localhost'
  return ours && new Date(validTo).getTime() - now.getTime() < renewBeforeMs
}

function namesOfMachine(): string[] {
  const machine = hostname()
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
  const plain = addresses.filter((address) => !address.includes('%') && !address.toLowerCase().startsWith('fe80:'))
  const names = ['localhost', machine, `${machine.split('.')[0]}.local`, '127.0.0.1', '::1', ...plain]
  return [...new Set(names)].filter((name) => /^[\w.:-]{1,200}$/.test(name)).slice(0, 50)
}

async function changedAt(path: string): Promise<number> {
  return (await stat(path)).mtimeMs
}
