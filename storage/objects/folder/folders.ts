/** Makes, removes and syncs folders below one root, while other calls do the same. */

import { mkdir, open, rename, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from '../../../src/model/errno.ts'
import { Coalescer } from '../../coalescer.ts'

export interface Folders {
  /** Renames a finished file into its place, making the folders on the way. On disk when the promise resolves. */
  place(from: string, to: string): Promise<void>
  /** Removes a folder, and those above it, as far as they are empty. */
  removeEmpty(folder: string): Promise<void>
}

/** A folder may be removed between its creation and its use; more failures in a row have another cause. */
const attempts = 100

/** `root` exists and is never removed. */
export function newFolders(root: string): Folders {
  /** Folders being made: none may be relied on before its entry in its parent is on disk. */
  const making = new Map<string, Promise<void>>()
  const syncing = new Map<string, Coalescer<undefined>>()

  function ensure(folder: string): Promise<void> {
    if (folder === root) return Promise.resolve()
    const running = making.get(folder)
    if (running !== undefined) return running
    const made = make(folder).finally(() => making.delete(folder))
    making.set(folder, made)
    return made
  }

  async function make(folder: string): Promise<void> {
    const parent = dirname(folder)
    for (let attempt = 1; ; attempt++) {
      await Promise.all(above(folder).map((one) => making.get(one)))
      try {
        await mkdir(folder, { mode: 0o700 })
        await syncFolder(parent)
        return
      } catch (error) {
        if (errnoOf(error) === 'EEXIST') return
        if (errnoOf(error) !== 'ENOENT' || attempt === attempts) throw error
      }
      await ensure(parent)
    }
  }

  /** Files that enter one folder at the same time share one sync. */
  async function sync(folder: string): Promise<void> {
    const known = syncing.get(folder)
    const together = known ?? new Coalescer<undefined>(() => syncFolder(folder))
    if (known === undefined) syncing.set(folder, together)
    try {
      await together.add(undefined)
    } finally {
      if (together.idle) syncing.delete(folder)
    }
  }

  function above(folder: string): string[] {
    const found: string[] = []
    for (let one = dirname(folder); one.length > root.length; one = dirname(one)) found.push(one)
    return found
  }

  return {
    async place(from, to) {
      const folder = dirname(to)
      for (let attempt = 1; ; attempt++) {
        await ensure(folder)
        try {
          await rename(from, to)
          break
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT' || attempt === attempts) throw error
        }
      }
      await sync(folder)
    },

    async removeEmpty(folder) {
      for (let one = folder; one.length > root.length; one = dirname(one)) {
        try {
          await rmdir(one)
        } catch (error) {
          if (errnoOf(error) === 'ENOENT') continue
          if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') return
          throw error
        }
      }
    },
  }
}

/** Makes changes in a folder survive a power cut. A folder that has been removed again needs nothing. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
}
