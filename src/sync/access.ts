/** The token of the sync API, and the machine's name: made at the first start, kept beside the data. */
import { randomBytes, randomUUID } from 'node:crypto'
import { open, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const tokenFile = 'sync-token'

/** Where `hearth sync` finds the token. */
export function syncTokenPath(dataDir: string): string {
  return join(dataDir, tokenFile)
}

/**
 * The token from the settings, else the one in the data directory, made when there is none. It is always kept there, since
 * commands on this machine look for it.
 */
export async function syncToken(dataDir: string, configured: string | undefined): Promise<string> {
  const path = syncTokenPath(dataDir)
  if (configured === undefined) return keptText(path, () => randomBytes(32).toString('base64url'))
  await writeFile(`${path}.new`, `${configured}\n`, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
  return configured
}

/** The name of this machine in the database: a folder belongs to one machine. */
export async function machineId(dataDir: string): Promise<string> {
  const id = await readFile('/etc/machine-id', 'utf8').catch(() => '')
  return id.trim() || keptText(join(dataDir, 'machine-id'), randomUUID)
}

/** The text of a file that only its owner may read; made when it is not there. */
async function keptText(path: string, make: () => string): Promise<string> {
  for (;;) {
    const kept = await readFile(path, 'utf8').catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error
      return undefined
    })
    if (kept !== undefined && kept.trim() !== '') return kept.trim()
    try {
      const handle = await open(path, kept === undefined ? 'wx' : 'w', 0o600)
      try {
        await handle.writeFile(`${make()}\n`)
        await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    }
  }
}
