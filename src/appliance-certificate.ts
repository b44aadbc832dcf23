/** The appliance listener's key and certificate: two files that the operator may replace by others. */
import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { StartupError } from './model/startup-error.ts'
import { type KeyAndCertificate, selfSignedCertificate } from './self-signed.ts'

const days = 3650
/** Our own certificate is made anew when it ends sooner than this. */
const renewBeforeMs = 30 * 86_400_000

/** Reads `tls/appliance.key` and `.crt` in the data directory, and makes them when there are none or ours runs out. */
export async function openApplianceCertificate(dataDir: string, now = new Date()): Promise<KeyAndCertificate> {
  const folder = join(dataDir, 'tls')
  const keyFile = join(folder, 'appliance.key')
  const certFile = join(folder, 'appliance.crt')
  const [key, cert] = await Promise.all([readIfThere(keyFile), readIfThere(certFile)])
  if ((key === undefined) !== (cert === undefined)) {
    throw new StartupError(`${folder} holds only one of appliance.key and appliance.crt: add the other, or remove it`)
  }
  if (key !== undefined && cert !== undefined && !isOursAndEnding(cert, certFile, now)) return { key, cert }

  const machine = hostname()
  const names = [...new Set(['localhost', machine, `${machine.split('.')[0]}.local`, '127.0.0.1', '::1'])]
  const made = await selfSignedCertificate({ names: names.filter(isPlain), notBefore: now, days })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await replace(keyFile, made.key, 0o600)
  await replace(certFile, made.cert, 0o644)
  return made
}

function isOursAndEnding(cert: string, file: string, now: Date): boolean {
  try {
    const { issuer, subject, validTo } = new X509Certificate(cert)
    const ours = issuer === subject && subject === 'CN=localhost'
    return ours && new Date(validTo).getTime() - now.getTime() < renewBeforeMs
  } catch (error) {
    throw new StartupError(`${file} is no certificate in PEM: replace it, or remove it and its key`, { cause: error })
  }
}

function isPlain(name: string): boolean {
  return /^[\w.:-]{1,200}$/.test(name)
}

async function replace(file: string, text: string, mode: number): Promise<void> {
  await writeFile(`${file}.tmp`, text, { mode })
  await rename(`${file}.tmp`, file)
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
