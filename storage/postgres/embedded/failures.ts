/** Failures of the file system, worded for the person who can fix them. */

import { statfs } from 'node:fs/promises'
import { errnoOf } from '../../../src/model/errno.ts'
import { StartupError } from '../../../src/model/startup-error.ts'

/** Runs `work`; a refusal by the file system becomes a StartupError that names `folder`. Other failures pass unchanged. */
export async function onDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const message = await explain(folder, errnoOf(error))
    if (error instanceof StartupError || message === undefined) throw error
    throw new StartupError(message, { cause: error })
  }
}

async function explain(folder: string, code: string): Promise<string | undefined> {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(folder)
    case 'EACCES':
    case 'EPERM':
      return `${folder} cannot be written by ${whoAmI()}: make that user its owner, or choose another --data-dir.`
    case 'EROFS':
      return `${folder} lies on a file system that is mounted read-only: choose another --data-dir.`
    case 'ENOTDIR':
    case 'EEXIST':
      return `${folder} is not a directory, or lies below something that is not a directory: choose another --data-dir.`
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return `${folder} is not a usable path (${code}): choose another --data-dir.`
    default:
      return undefined
  }
}

/** What to say when the disk that holds `folder` is full. */
export async function diskFull(folder: string): Promise<string> {
  const left = await statfs(folder).then(
    (disk) => `${Math.floor((disk.bavail * disk.bsize) / 1e6)} MB left`,
    () => 'no space left',
  )
  return `The disk of ${folder} is full (${left}; a first start needs about 120 MB): free some space, or choose another --data-dir.`
}

function whoAmI(): string {
  return `the user that runs Hearth (uid ${process.getuid?.() ?? 'unknown'})`
}
