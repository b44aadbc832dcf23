/** Files and directories that were chosen, as the entries of a zip file (`/files/archive`). */
import type { Directory, FileNode, Node } from '../files/node.ts'
import type { Drive, Files } from '../files/service.ts'
import { distinctNames } from './distinct-names.ts'
import { writeZip, type ZipEntry, zipLength } from './zip-writer.ts'

export interface Selection {
  /** Of the archive: the folder that contains everything. */
  readonly name: string
  readonly nodes: readonly Node[]
}

export interface Archive {
  /** Bytes, where they are cheap to compute. */
  readonly length: number | undefined
  readonly bytes: AsyncGenerator<Uint8Array, void, void>
}

/** With more entries than this the length is not announced: they would all have to be held in memory first. */
const countedEntries = 5_000

/** Begins an archive. Nothing is opened before `bytes` is read; they fail when a file cannot be read whole. */
export async function openArchive(
  files: Pick<Files, 'walk' | 'open'>,
  drive: Drive,
  selection: Selection,
): Promise<Archive> {
  const all = entriesOf(files, drive, selection)
  const first: ZipEntry[] = []
  while (first.length < countedEntries) {
    const next = await all.next()
    if (next.done === true) return { length: zipLength(first), bytes: writeZip(first) }
    first.push(next.value)
  }
  return { length: undefined, bytes: writeZip(chained(first, all)) }
}

/** Each chosen node with what is below it, under its path from the directory that it lies in. */
async function* entriesOf(
  files: Pick<Files, 'walk' | 'open'>,
  drive: Drive,
  { name, nodes }: Selection,
): AsyncGenerator<ZipEntry, void, void> {
  // Nodes of several directories may have one name; so may children in a damaged tree.
  const distinct = distinctNames()
  const fileEntry = (node: FileNode, path: string): ZipEntry => ({
    kind: 'file',
    path: distinct(path),
    modifiedMs: modifiedOf(node),
    size: node.size,
    open: async () => (await files.open(drive, node)).body,
  })
  for (const node of nodes) {
    const top = `${name}/${safeName(node.name)}`
    if (node.kind === 'file') yield fileEntry(node, top)
    else {
      // The root has no name: what it holds lies in the archive's folder itself.
      const base = node.dirId === '' ? name : distinct(top)
      if (base !== name) yield directoryEntry(node, base)
      for await (const found of files.walk(drive, node)) {
        const path = `${base}/${safePath(found.path.slice(node.path === '/' ? 1 : node.path.length + 1))}`
        yield found.node.kind === 'file' ? fileEntry(found.node, path) : directoryEntry(found.node, path)
      }
    }
  }
}

function directoryEntry(node: Directory, path: string): ZipEntry {
  return { kind: 'directory', path: `${path}/`, modifiedMs: modifiedOf(node) }
}

async function* chained(first: readonly ZipEntry[], rest: AsyncGenerator<ZipEntry, void, void>) {
  yield* first
  yield* rest
}

function modifiedOf(node: Node): number {
  const ms = Date.parse(node.updatedAt)
  return Number.isNaN(ms) ? 0 : ms
}

/** Replicated documents may hold impossible names; unpacking one must never leave the folder it is done in. */
function safePath(path: string): string {
  return path.split('/').map(safeName).join('/')
}

function safeName(name: string): string {
  return /^\.{0,2}$/.test(name) ? '_' : name.replaceAll('/', '_').replaceAll('\0', '_')
}
