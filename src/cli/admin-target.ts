/** Which running server a command speaks to, and the passphrase it presents. */
import { readFileSync } from 'node:fs'
import { loadProcessConfig } from '../config.ts'
import { readListenersFile } from '../listeners-file.ts'
import { StartupError } from '../model/startup-error.ts'
import type { AdminTarget } from './admin-client.ts'
import { askPassphrase } from './passphrase-file.ts'

const defaultUrl = 'http://localhost:6060'

/**
 * `HEARTH_ADMIN_URL`, else the address of a server on this machine's data directory, else the default port; the
 * passphrase is `HEARTH_ADMIN_PASSPHRASE`, the file `HEARTH_ADMIN_PASSPHRASE_FILE` names, or asked for.
 */
export async function adminTarget(): Promise<AdminTarget> {
  return { adminUrl: process.env['HEARTH_ADMIN_URL'] || (await localUrl()), passphrase: await passphrase() }
}

async function localUrl(): Promise<string> {
  const { config } = loadProcessConfig()
  return (await readListenersFile(config.data_dir))?.admin?.url ?? defaultUrl
}

async function passphrase(): Promise<string> {
  const passphrase = process.env['HEARTH_ADMIN_PASSPHRASE'] || fromFile(process.env['HEARTH_ADMIN_PASSPHRASE_FILE'])
  if (passphrase) return passphrase
  if (!process.stdin.isTTY)
    throw new StartupError('HEARTH_ADMIN_PASSPHRASE is not set: it must hold the admin passphrase')
  return askPassphrase('once')
}

function fromFile(path: string | undefined): string | undefined {
  if (!path) return undefined
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new StartupError(`HEARTH_ADMIN_PASSPHRASE_FILE: cannot read ${path}`, { cause })
  }
}
