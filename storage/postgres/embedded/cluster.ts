/** The cluster: what PostgreSQL calls its data directory. */

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { errnoOf } from '../../../src/model/errno.ts'
import { StartupError } from '../../../src/model/startup-error.ts'
import { diskFull } from './failures.ts'
import { syncPath, unfinished } from './folders.ts'
import { type Layout, majorVersion } from './layout.ts'
import { type ServerUser, spawnOptions } from './server-user.ts'
import { includeSettings } from './settings.ts'

/** The one role and database of the embedded server. */
export const databaseUser = 'hearth'
export const databaseName = 'postgres'

/**
 * Refuses data of another major version: PostgreSQL cannot read it, and the package has no tool that converts it
 *. An older version's data is no obstacle once this version has its own.
 * @throws StartupError with the way out.
 */
export async function refuseOtherMajors({ dataDir, versions, cluster }: Layout): Promise<void> {
  const written = new Map<number, string>()
  for (const name of await readdir(versions).catch(() => [])) {
    const version = await versionOf(join(versions, name, 'data'))
    if (version !== undefined) written.set(version, join(versions, name, 'data'))
  }
  const current = await versionOf(cluster)
  const other = [...written.keys()].sort((a, b) => b - a).find((major) => major !== majorVersion)
  if (other === undefined || (other < majorVersion && current === majorVersion)) return
  throw new StartupError(
    `${written.get(other)} holds data of PostgreSQL ${other}, and this Hearth carries PostgreSQL ${majorVersion}. ` +
      'Make a backup with the Hearth that wrote it (hearth backup FILE), move ' +
      `${dataDir} out of the way, and restore with this one (hearth restore FILE).`,
  )
}

async function versionOf(cluster: string): Promise<number | undefined> {
  const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => undefined)
  return version === undefined ? undefined : Number.parseInt(version, 10)
}

/** Makes the cluster unless it exists. As with the program, the folder gets its name only when it is complete. */
export async function initialiseCluster(layout: Layout, program: string, user: ServerUser): Promise<void> {
  if (existsSync(layout.cluster)) return
  const draft = unfinished(layout.home)
  try {
    await mkdir(draft, { mode: 0o700 })
    if (user.stepsDown) await chown(draft, user.uid, user.gid)
    await initdb(program, draft, user)
    await includeSettings(draft, user)
    await rename(draft, layout.cluster)
    await syncPath(layout.home)
  } catch (error) {
    await rm(draft, { recursive: true, force: true, maxRetries: 3 })
    throw error
  }
}

const options = [
  ['--encoding', 'UTF8'],
  ['--locale', 'C'],
  ['--wal-segsize', '4'],
  // Whoever can reach the socket, in a folder that only its owner may enter, is admitted.
  ['--auth-local', 'trust'],
  ['--auth-host', 'reject'],
  ['--username', databaseUser],
].map(([name, value]) => `${name}=${value}`)

async function initdb(program: string, cluster: string, user: ServerUser): Promise<void> {
  const child = spawn(
    join(program, 'bin', 'initdb'),
    ['--pgdata', cluster, ...options, '--data-checksums', '--no-instructions'],
    { ...spawnOptions(user), stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const complaints = text(child.stderr).catch(() => '')
  const code = await ended.catch((error: unknown) => {
    throw cannotRun(error, user)
  })
  if (code === 0) return
  const said = (await complaints).trim()
  if (said.includes('No space left on device')) throw new StartupError(await diskFull(cluster))
  throw new StartupError(`PostgreSQL's initdb failed in ${cluster}: ${said || `exit code ${code}`}`)
}

/** Explains why one of the server's programs could not start. */
export function cannotRun(error: unknown, user: ServerUser): StartupError {
  const code = errnoOf(error)
  const reason =
    code === 'EPERM' || code === 'EINVAL'
      ? `Hearth runs as root but may not become uid ${user.uid}, and PostgreSQL refuses root: start Hearth as an ordinary user.`
      : code === 'ENOENT'
        ? 'its program or the system library that loads programs is missing: the embedded PostgreSQL needs glibc and libstdc++.'
        : code === 'EACCES'
          ? 'its program may not be run: is the data directory on a file system mounted with noexec?'
          : String(error)
  return new StartupError(`PostgreSQL cannot be run: ${reason}`, { cause: error })
}
