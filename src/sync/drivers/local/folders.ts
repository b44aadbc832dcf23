/**
 * Reaches files below a root without ever following a symbolic link: a folder is opened, what was opened is compared with
 * what was meant, and everything else happens relative to the open folder. Whoever replaces a folder by a link at that
 * moment gains nothing.
 */

import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readlink, rmdir } from 'node:fs/promises'
import { errnoOf } from '../../../model/errno.ts'
import { DriverError } from '../error.ts'

const openFolder = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

export interface Place {
  /** A path of the file that leads through the open folder. */
  readonly path: string
  /** Makes changes in the folder durable. */
  sync(): Promise<void>
}

export interface Folders {
  /** Runs `work` with the place of `name` in its folder. @throws ENOENT, or DriverError `name` for a link on the way */
  at<T>(name: string, work: (place: Place) => Promise<T>): Promise<T>
  /** The same, making the folders on the way. */
  making<T>(name: string, work: (place: Place) => Promise<T>): Promise<T>
  /** Runs `work` with an open folder; an empty name is the root. */
  inside<T>(folder: string, work: (path: string) => Promise<T>): Promise<T>
  /** Removes a file's folder, and those above it, as far as they are empty. */
  removeEmpty(name: string): Promise<void>
}

/** `root` is a real path. */
export function newFolders(root: string): Folders {
  /** Folders that are waiting for the disk: calls that arrive in the meantime share the next wait. */
  const syncing = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>()

  async function openAt(folder: string): Promise<FileHandle> {
    const path = folder === '' ? root : `${root}/${folder}`
    let handle: FileHandle
    try {
      handle = await open(path, openFolder)
    } catch (error) {
      if (['ELOOP', 'ENOTDIR', 'ENOENT'].includes(errnoOf(error)) && (await hasLink(folder))) throw linkOnTheWay(folder)
      throw error
    }
    if ((await readlink(`/proc/self/fd/${handle.fd}`)) === path) return handle
    await handle.close()
    throw linkOnTheWay(folder)
  }

  async function hasLink(folder: string): Promise<boolean> {
    let path = root
    for (const segment of folder.split('/')) {
      path += `/${segment}`
      const stats = await lstat(path).catch(() => undefined)
      if (stats?.isSymbolicLink()) return true
      if (stats === undefined) return false
    }
    return false
  }

  async function makeFolder(folder: string): Promise<void> {
    const [parent, base] = split(folder)
    const make = async (place: Place) => {
      try {
        await mkdir(place.path)
        await place.sync()
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error
      }
    }
    await making(parent === '' ? base : `${parent}/${base}`, make)
  }

  async function at<T>(name: string, work: (place: Place) => Promise<T>): Promise<T> {
    const [folder, base] = split(name)
    const handle = await openAt(folder)
    try {
      return await work({ path: `/proc/self/fd/${handle.fd}/${base}`, sync: () => syncOnce(folder, handle) })
    } finally {
      await handle.close()
    }
  }

  async function making<T>(name: string, work: (place: Place) => Promise<T>): Promise<T> {
    try {
      return await at(name, work)
    } catch (error) {
      const [folder] = split(name)
      if (errnoOf(error) !== 'ENOENT' || folder === '') throw error
      await makeFolder(folder)
      return at(name, work)
    }
  }

  function syncOnce(folder: string, handle: FileHandle): Promise<void> {
    const known = syncing.get(folder)
    if (known === undefined) {
      const running = handle.sync().finally(() => {
        if (syncing.get(folder)?.next === undefined) syncing.delete(folder)
      })
      syncing.set(folder, { running, next: undefined })
      return running
    }
    // The one that runs may have begun before the change.
    known.next ??= known.running
      .catch(() => {})
      .then(() => {
        syncing.delete(folder)
        return syncOnce(folder, handle)
      })
    return known.next
  }

  return {
    at,
    making,
    async inside(folder, work) {
      const handle = await openAt(folder)
      try {
        return await work(`/proc/self/fd/${handle.fd}`)
      } finally {
        await handle.close()
      }
    },
    async removeEmpty(name) {
      for (let [folder] = split(name); folder !== ''; [folder] = split(folder)) {
        try {
          await at(folder, (place) => rmdir(place.path))
        } catch {
          return
        }
      }
    },
  }
}

/** Folder and last segment. */
export function split(name: string): readonly [folder: string, base: string] {
  const slash = name.lastIndexOf('/')
  return slash < 0 ? ['', name] : [name.slice(0, slash), name.slice(slash + 1)]
}

function linkOnTheWay(folder: string): DriverError {
  return new DriverError('name', `${folder}: a symbolic link is not followed`)
}
