import { chmod, chown, lstat, mkdir, open, readdir, realpath, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StartupError } from '../../../src/model/startup-error.ts'
import { onDisk } from './failures.ts'
import { unfinishedPrefix } from './layout.ts'
import type { ServerUser } from './server-user.ts'

/**
 * Makes the data directory if needed and returns its path without symbolic links. As root it can be entered, but not
 * listed, by the server's user; a directory that is not empty keeps the mode that it has.
 * @throws StartupError when it cannot be made or is not a directory.
 */
export async function makeDataDir(path: string): Promise<string> {
  const wanted = resolve(path)
  return onDisk(wanted, () => makeEnterable(wanted))
}

async function makeEnterable(wanted: string): Promise<string> {
  const asRoot = process.getuid?.() === 0
  const mode = asRoot ? 0o711 : 0o700
  const first = await mkdir(wanted, { recursive: true, mode })
  const real = await realpath(wanted)
  if (first !== undefined) {
    // The umask may have taken bits away, from the folders in between too.
    for (let folder = wanted; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, mode)
  } else if (asRoot && (await readdir(real)).length === 0) {
    const found = await lstat(real)
    if (found.uid === 0) await chmod(real, (found.mode & 0o7777) | 0o011)
  }
  return real
}

/** Makes a folder that the server's user can enter. Owned by that user if the data directory is. */
export async function makeFolder(path: string, user: ServerUser): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, 0o755)
  if (user.stepsDown && user.ownsDataDir) await chown(path, user.uid, user.gid)
}

/**
 * Makes a folder that only the server's user can enter.
 * @throws StartupError when something else has that name: in a shared folder that may be a trap.
 */
export async function makePrivateFolder(path: string, user: ServerUser): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 })
  if (made !== undefined && user.stepsDown) await chown(path, user.uid, user.gid)
  const found = await lstat(path)
  if (!found.isDirectory() || found.uid !== user.uid) {
    throw new StartupError(`${path} is not a folder of uid ${user.uid}: remove it, then start again.`)
  }
  await chmod(path, 0o700)
}

/** Makes a file's content, or what happened in a folder (files made, renamed), survive a power cut. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes what a killed start left in `home`. Only for the holder of the lock. */
export async function removeUnfinished(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith(unfinishedPrefix)) await rm(join(home, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A name in `home` for work in progress. */
export function unfinished(home: string): string {
  return join(home, `${unfinishedPrefix}${crypto.randomUUID()}`)
}
