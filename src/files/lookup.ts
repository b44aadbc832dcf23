/** Finding nodes, and the checks that every change begins with. */
import type { FilesReader } from '../../storage/files/contract.ts'
import { beginningOf, freeVariant, variantsOf } from './names.ts'
import { type Directory, type FileNode, type Node, nodeOf, rootId, trashId } from './node.ts'
import { isInTrash, splitPath } from './paths.ts'
import { fileNotFound, nameTaken, otherRevision, parentInTrash, parentNotFound, specialDirectory } from './problems.ts'

export async function findNode(tree: Pick<FilesReader, 'byIds'>, id: string): Promise<Node | undefined> {
  const [found] = await tree.byIds([id])
  return found && nodeOf(found)
}

/** @throws Problem 404 */
export async function nodeById(tree: Pick<FilesReader, 'byIds'>, id: string): Promise<Node> {
  const found = await findNode(tree, id)
  if (found === undefined) throw fileNotFound()
  return found
}

/** @throws Problem 404, also for a directory */
export async function fileById(tree: Pick<FilesReader, 'byIds'>, id: string): Promise<FileNode> {
  const found = await nodeById(tree, id)
  if (found.kind !== 'file') throw fileNotFound()
  return found
}

/** A directory that takes new children. @throws Problem 404 when there is none, or it is in the trash */
export async function parentById(tree: Pick<FilesReader, 'byIds'>, id: string): Promise<Directory> {
  const found = await findNode(tree, id)
  if (found?.kind !== 'directory') throw parentNotFound()
  if (found.id === trashId || isInTrash(found.path)) throw parentInTrash()
  return found
}

/** By a normalised path. Of several in a damaged tree always the same one. */
export async function nodeByPath(
  tree: Pick<FilesReader, 'byPath' | 'byName'>,
  path: string,
): Promise<Node | undefined> {
  const directory = firstOf((await tree.byPath(path)).map(nodeOf))
  if (directory !== undefined || path === '/') return directory
  const { parent, name } = splitPath(path)
  const above = firstOf((await tree.byPath(parent)).map(nodeOf))
  if (above === undefined) return undefined
  return firstOf((await tree.byName(above.id, name)).map(nodeOf).filter(({ kind }) => kind === 'file'))
}

/** @throws Problem 409 when something else in the directory has the name */
export async function checkFree(
  tree: Pick<FilesReader, 'byName'>,
  dirId: string,
  name: string,
  except?: string,
): Promise<void> {
  const holders = await tree.byName(dirId, name)
  if (holders.some(({ id }) => id !== except)) throw nameTaken()
}

/** The name, or `name (2).ext` and so on where it is taken. */
export async function freeName(
  tree: Pick<FilesReader, 'byName' | 'namesLike'>,
  dirId: string,
  name: string,
  kind: Node['kind'],
): Promise<string> {
  if ((await tree.byName(dirId, name)).length === 0) return name
  const variants = variantsOf(name, kind)
  return freeVariant(variants, new Set(await tree.namesLike(dirId, beginningOf(variants))))
}

/** @throws Problem 412; nothing or an empty text matches everything */
export function checkRevision(node: Pick<Node, 'rev'>, ifMatch: string | undefined): void {
  if (ifMatch && ifMatch !== node.rev) throw otherRevision()
}

/** @throws Problem 400 for the root and the trash */
export function checkOrdinary(id: string): void {
  if (id === rootId || id === trashId) throw specialDirectory()
}

/** In the trash, itself or with a directory above it. */
export function isTrashed(node: Node): boolean {
  if (node.dirId === trashId) return true
  return node.kind === 'file' ? node.trashed : node.id !== trashId && isInTrash(node.path)
}

function firstOf(nodes: readonly Node[]): Node | undefined {
  return [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1))[0]
}
