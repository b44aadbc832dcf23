/** Walks the tree of files in byte order of the keys, reading only the folders that hold keys asked for. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { compareBytes } from '../key.ts'
import { ifThere } from './failures.ts'

export interface KeyWalk {
  /** The keys that begin with `prefix` and come after `after`. */
  keys(prefix: string, after: string): AsyncGenerator<string, void>
}

/** Folders this large are remembered from page to page. */
const largeFolder = 500
const rememberedFolders = 4
/** A change this soon after another one may not show in the folder's modification time. */
const settledMs = 2_000

interface Remembered {
  /** Modification time of the folder in nanoseconds. */
  readonly changed: bigint
  readonly entries: readonly string[]
}

/** A walk through the files below `root`. */
export function newKeyWalk(root: string): KeyWalk {
  const remembered = new Map<string, Remembered>()

  async function* walk(folder: string, prefix: string, after: string): AsyncGenerator<string, void> {
    for (const entry of await entriesOf(folder)) {
      const key = folder + entry
      if (key.endsWith('/')) {
        const mayHold = key.startsWith(prefix) || prefix.startsWith(key)
        const isBehind = after.startsWith(key) || compareBytes(key, after) > 0
        if (mayHold && isBehind) yield* walk(key, prefix, after)
      } else if (key.startsWith(prefix) && compareBytes(key, after) > 0) yield key
    }
  }

  /** Names in a folder, sorted as keys: those of folders end with `/`. */
  async function entriesOf(folder: string): Promise<readonly string[]> {
    const path = join(root, folder)
    const known = remembered.get(folder)
    if (known !== undefined) {
      remembered.delete(folder)
      const now = await ifThere(stat(path, { bigint: true }))
      if (now?.mtimeNs === known.changed) {
        remembered.set(folder, known)
        return known.entries
      }
    }
    const before = await ifThere(stat(path, { bigint: true }))
    const names = (await ifThere(readdir(path))) ?? []
    const entries = names.map((name) => (name.endsWith('#') ? name : `${name}/`)).sort(compareBytes)
    if (before !== undefined && entries.length >= largeFolder && isSettled(before.mtimeMs)) {
      remembered.set(folder, { changed: before.mtimeNs, entries })
      for (const oldest of remembered.keys()) {
        if (remembered.size <= rememberedFolders) break
        remembered.delete(oldest)
      }
    }
    return entries
  }

  return {
    keys(prefix, after) {
      return walk(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, after)
    },
  }
}

function isSettled(changedMs: bigint): boolean {
  return Date.now() - Number(changedMs) > settledMs
}
