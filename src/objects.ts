/** Opens the object store that the settings name: an S3 bucket, or a folder. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ObjectStore } from '../storage/objects/contract.ts'
import { openFolderObjects } from '../storage/objects/folder/folder-objects.ts'
import { openMinioObjects } from '../storage/objects/minio/minio-objects.ts'
import type { Config } from './config/settings.ts'
import type { Log } from './log.ts'
import { errnoOf } from './model/errno.ts'
import { StartupError } from './model/startup-error.ts'

/** Opens the store; throws StartupError when it cannot be had and waiting would not help. */
export async function openObjects(config: Pick<Config, 'data_dir' | 'objects_url'>, log: Log): Promise<ObjectStore> {
  const place = objectsPlace(config)
  if ('folder' in place) return openFolder(place.folder)
  return openMinioObjects({ url: place.bucket, log: log.warning })
}

/** Where the settings say that objects are. */
export function objectsPlace({
  data_dir,
  objects_url,
}: Pick<Config, 'data_dir' | 'objects_url'>): { folder: string } | { bucket: string } {
  if (objects_url === undefined) return { folder: join(data_dir, 'objects') }
  if (!objects_url.startsWith('file:')) return { bucket: objects_url }
  const wrong = `objects_url: ${objects_url} is not a path; allowed: file:///path`
  try {
    const folder = fileURLToPath(objects_url)
    if (!folder.includes('\0')) return { folder }
  } catch (cause) {
    throw new StartupError(wrong, { cause })
  }
  throw new StartupError(wrong)
}

async function openFolder(folder: string): Promise<ObjectStore> {
  try {
    return await openFolderObjects(folder)
  } catch (error) {
    const code = errnoOf(error)
    if (code === '') throw error
    throw new StartupError(`${folder} cannot hold the files (${explanations[code] ?? code}).`, { cause: error })
  }
}

const user = `the user that runs Hearth (uid ${process.getuid?.() ?? 'unknown'})`
const explanations: Readonly<Record<string, string>> = {
  EACCES: `${user} may not write there: change its owner, or set objects_url`,
  EPERM: `${user} may not write there: change its owner, or set objects_url`,
  EROFS: 'it is mounted read-only',
  ENOTDIR: 'it is not a folder, or lies below something that is not a folder',
  EEXIST: 'it is not a folder',
  ENOSPC: 'its disk is full',
  EDQUOT: 'its quota is used up',
}
