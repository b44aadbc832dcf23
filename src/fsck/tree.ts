/**
 * The tree of an instance's files according to its documents, with as little as the checks need: 100,000 nodes take a
 * few dozen megabytes. Pure: index-check.ts checks its suspicions again.
 */
import { type Node, rootId, trashId } from '../files/node.ts'
import { isInTrash, joinPath } from '../files/paths.ts'
import type { FindingType } from './finding.ts'

/** A document as it was read: a later write gives it another `seq`. */
export interface Entry {
  readonly id: string
  readonly seq: bigint
}

interface FileEntry extends Entry {
  readonly name: string
  readonly trashed: boolean
  readonly hasPath: boolean
}

interface DirectoryEntry extends Entry {
  readonly name: string
  readonly dirId: string
  /** As stored. */
  readonly path: string
}

/** Something that is wrong if nothing relevant changed while the tree was read. */
export interface Suspicion {
  readonly type: FindingType
  readonly entry: Entry
  readonly isDirectory: boolean
  /** Of a file: where it is by the names above it; `undefined` when its directory is not known. */
  readonly path?: string | undefined
  readonly isOrphan?: boolean
  readonly hasCycle?: boolean
  readonly expectedPath?: string
  /** Other documents that it was concluded from. */
  readonly basis: readonly Entry[]
  /** The id of a directory that is not there. */
  readonly absent?: string
}

export class Tree {
  readonly #directories = new Map<string, DirectoryEntry>()
  readonly #files = new Map<string, FileEntry[]>()

  /** Nodes that were added. */
  size = 0

  add(node: Node, seq: bigint): void {
    const { id, name, dirId } = node
    this.size += 1
    if (node.kind === 'directory') {
      this.#directories.set(id, { id, seq, name, dirId, path: node.path })
      return
    }
    const path = node.value['path']
    const hasPath = path !== undefined && path !== null && path !== ''
    const entry = { id, seq, name, trashed: node.trashed, hasPath }
    const siblings = this.#files.get(dirId)
    if (siblings) siblings.push(entry)
    else this.#files.set(dirId, [entry])
  }

  has(directoryId: string): boolean {
    return this.#directories.has(directoryId)
  }

  /** Everything that looks wrong: first below the root, then in the trees that hang on nothing, then in cycles. */
  *suspicions(): Generator<Suspicion> {
    const root = this.#directories.get(rootId)
    if (root === undefined) return
    const below = this.#childrenByDirectory()
    const visited = new Set<string>()
    if (root.path !== '/') yield badPath(root, '/', [])
    yield* this.#walk({ directory: root, path: '/', inTrash: false }, below, visited)
    for (const top of this.#directories.values()) {
      if (visited.has(top.id) || this.#directories.has(top.dirId)) continue
      yield { ...orphan(top, true), basis: [], absent: top.dirId }
      yield* this.#walk(detached(top), below, visited)
    }
    for (const [dirId, files] of this.#files) {
      if (this.#directories.has(dirId)) continue
      for (const file of files) yield { ...orphan(file, false), basis: [], absent: dirId }
    }
    yield* this.#cycles(below, visited)
  }

  #childrenByDirectory(): Map<string, DirectoryEntry[]> {
    const below = new Map<string, DirectoryEntry[]>()
    for (const directory of this.#directories.values()) {
      if (directory.id === rootId) continue
      const siblings = below.get(directory.dirId)
      if (siblings) siblings.push(directory)
      else below.set(directory.dirId, [directory])
    }
    return below
  }

  *#walk(top: Stop, below: ReadonlyMap<string, readonly DirectoryEntry[]>, visited: Set<string>): Generator<Suspicion> {
    const stack = [top]
    visited.add(top.directory.id)
    for (let stop = stack.pop(); stop !== undefined; stop = stack.pop()) {
      const { directory, path, inTrash } = stop
      const basis = () => this.#lineage(directory)
      const names = new Map<string, Entry>()
      for (const file of this.#files.get(directory.id) ?? []) {
        const found = { entry: file, isDirectory: false, path: joinPath(path, file.name) }
        const twin = names.get(file.name)
        if (twin) yield { type: 'index_duplicate_name', ...found, basis: [twin] }
        else names.set(file.name, file)
        if (file.hasPath) yield { type: 'index_file_with_path', ...found, basis: [] }
        if (inTrash && !file.trashed) yield { type: 'not_trashed_in_trash', ...found, basis: basis() }
        if (!inTrash && file.trashed) yield { type: 'trashed_not_in_trash', ...found, basis: basis() }
      }
      const children: Stop[] = []
      for (const child of below.get(directory.id) ?? []) {
        const twin = names.get(child.name)
        if (twin) yield { type: 'index_duplicate_name', entry: child, isDirectory: true, basis: [twin] }
        else names.set(child.name, child)
        if (visited.has(child.id)) continue
        visited.add(child.id)
        const expected = joinPath(path, child.name)
        if (child.path !== expected) yield badPath(child, expected, basis())
        // What lies below is compared with what is stored here, right or wrong.
        children.push({ directory: child, path: child.path, inTrash: inTrash || child.id === trashId })
      }
      stack.push(...children.reverse())
    }
  }

  /** What was reached neither from the root nor from the top of a tree hangs on a cycle. */
  *#cycles(below: ReadonlyMap<string, readonly DirectoryEntry[]>, visited: Set<string>): Generator<Suspicion> {
    for (const start of this.#directories.values()) {
      if (visited.has(start.id)) continue
      const members = this.#cycleAbove(start)
      for (const member of members) visited.add(member.id)
      for (const member of members) {
        yield { ...orphan(member, true), isOrphan: false, hasCycle: true, basis: members }
      }
      for (const member of members) yield* this.#walk(detached(member), below, visited)
    }
  }

  /** The cycle that one gets into by going up. */
  #cycleAbove(start: DirectoryEntry): readonly DirectoryEntry[] {
    const way = this.#lineage(start)
    const last = way.at(-1)
    const entry = way.findIndex(({ id }) => id === last?.dirId)
    return way.slice(Math.max(0, entry))
  }

  /** A directory and those above it, as far as they are there; a cycle is gone round once. */
  #lineage(directory: DirectoryEntry): readonly DirectoryEntry[] {
    const way = new Set<DirectoryEntry>()
    for (let at: DirectoryEntry | undefined = directory; at && !way.has(at); at = this.#directories.get(at.dirId)) {
      way.add(at)
    }
    return [...way]
  }
}

/** A directory on the way through the tree. */
interface Stop {
  readonly directory: DirectoryEntry
  /** By the names above it. */
  readonly path: string
  readonly inTrash: boolean
}

/** Of a tree that hangs on nothing only the stored path tells where it was. */
function detached(directory: DirectoryEntry): Stop {
  const { path } = directory
  return { directory, path, inTrash: isInTrash(path) }
}

function orphan(entry: Entry, isDirectory: boolean) {
  return { type: 'index_orphan_tree', entry, isDirectory, isOrphan: true } as const
}

function badPath(entry: DirectoryEntry, expectedPath: string, basis: readonly Entry[]): Suspicion {
  return { type: 'index_bad_fullpath', entry, isDirectory: true, expectedPath, basis }
}
