/**
 * Folders below the root at which another file system is mounted. When it is not mounted any more they look like empty
 * folders, and what lay in them like deleted: what was seen once is written down, and missed later.
 */
import { lstat, readFile, writeFile } from 'node:fs/promises'
import { errnoOf } from '../../../model/errno.ts'
import { type Odd, ownFolder } from '../contract.ts'
import { localError, onDisk } from './failures.ts'
import { type Folders, type Place, split } from './folders.ts'

const listName = `${ownFolder}/mounts`

export interface Mounts {
  /** Reads what is written down. A person may have struck something out. */
  read(): Promise<void>
  /** Something is mounted here. */
  note(folder: string): Promise<void>
  /** Whether a file system was mounted here that is missing, given that nothing is mounted here now. */
  isMissed(folder: string): boolean
  /** Those that were children of a folder. */
  in(folder: string): readonly string[]
  /** The mount that is missing above a name, or at it. */
  missedAbove(name: string): Promise<string | undefined>
}

export function newMounts(folders: Folders): Mounts {
  let known: ReadonlySet<string> = new Set()
  let writing: Promise<void> = Promise.resolve()

  async function isMounted(folder: string): Promise<boolean> {
    try {
      const inside = await folders.inside(folder, (path) => lstat(`${path}/.`, { bigint: true }))
      const above = await folders.inside(split(folder)[0], (path) => lstat(`${path}/.`, { bigint: true }))
      return inside.dev !== above.dev
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
      throw error
    }
  }

  return {
    async read() {
      try {
        const text = await folders.at(listName, ({ path }) => readFile(path, 'utf8'))
        known = new Set(text.split('\n').filter((line) => line !== ''))
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw localError(error, listName)
        known = new Set()
      }
    },
    async note(folder) {
      // A line cannot hold it; such a mount is not guarded.
      if (known.has(folder) || folder.includes('\n')) return
      known = new Set([...known, folder])
      const write = async (place: Place) => {
        await writeFile(place.path, `${[...known].sort().join('\n')}\n`, { flush: true })
        await place.sync()
      }
      writing = writing.then(() => onDisk(listName, () => folders.making(listName, write)))
      await writing
    },
    isMissed: (folder) => known.has(folder),
    in: (folder) => [...known].filter((one) => split(one)[0] === folder),
    async missedAbove(name) {
      for (const one of known) {
        const isBelow = name === one || name.startsWith(`${one}/`)
        if (isBelow && !(await isMounted(one))) return one
      }
      return undefined
    },
  }
}

/** What is told of a mount that is missing. */
export function missedMount(name: string): Odd {
  const reason = `a file system was mounted here; if it is gone for good, remove the line from ${listName}`
  return { kind: 'odd', name, reason, hidesBelow: true }
}
