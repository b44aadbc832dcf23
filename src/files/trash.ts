/** Trashing, restoring and destroying. */
import { randomInt } from 'node:crypto'
import type { JsonObject } from '../model/json/value.ts'
import { createDirectoryAt } from './create-directory.ts'
import { moveDescendants, removeDescendants, removeFiles } from './descendants.ts'
import { changedMembers, nodeEdit, writeNode } from './document.ts'
import type { Work } from './drives.ts'
import { checkOrdinary, checkRevision, findNode, isTrashed, nodeById } from './lookup.ts'
import { trashName, withoutTrashDigits } from './names.ts'
import { type Directory, type Node, trashId, trashPath } from './node.ts'
import { isInTrash, joinPath } from './paths.ts'
import { alreadyInTrash, notInTrash } from './problems.ts'
import type { Owner } from './service.ts'

/** `owner` is recorded as the one who trashed it. */
export async function trashNode(
  work: Work,
  id: string,
  { ifMatch, owner }: { readonly ifMatch?: string | undefined; readonly owner?: Owner | undefined },
): Promise<Node> {
  const node = await nodeById(work.tx, id)
  checkOrdinary(id)
  checkRevision(node, ifMatch)
  if (isTrashed(node)) throw alreadyInTrash()
  const parent = await findNode(work.tx, node.dirId)
  const name = await freeTrashName(work, trashId, node.name)
  const place = { name, dir_id: trashId, restore_path: parent?.kind === 'directory' ? parent.path : '/' }
  const trashedBy: JsonObject | undefined = owner && { kind: 'member', ...owner }
  return moveNode(work, node, { path: trashPath }, place, { trashedAt: work.at, trashedBy })
}

/** To where it was, or would be if the directory above it had not been trashed; missing directories are made again. */
export async function restoreNode(work: Work, id: string): Promise<Node> {
  const node = await nodeById(work.tx, id)
  checkOrdinary(id)
  if (!isTrashed(node)) throw notInTrash()
  const path = await restorePathOf(work, node)
  const parent = await createDirectoryAt(work, isHome(path) ? path : '/', { recursive: true })
  const name = await freeTrashName(work, parent.id, withoutTrashDigits(node.name))
  return moveNode(work, node, parent, { name, dir_id: parent.id, restore_path: undefined }, undefined)
}

export async function destroyNode(
  work: Work,
  id: string,
  options: { readonly ifMatch?: string | undefined; readonly inTrash: boolean },
): Promise<Node> {
  const node = await nodeById(work.tx, id)
  checkOrdinary(id)
  checkRevision(node, options.ifMatch)
  if (options.inTrash && !isTrashed(node)) throw notInTrash()
  if (node.kind === 'file') await removeFiles(work, [node])
  else {
    await removeDescendants(work, id)
    await work.tx.write([nodeEdit(node, undefined)])
  }
  return node
}

export function emptyTrash(work: Work): Promise<void> {
  return removeDescendants(work, trashId)
}

/** Writes a node at its new place, and what follows from it below. */
async function moveNode(
  work: Work,
  node: Node,
  parent: Pick<Directory, 'path'>,
  place: { readonly name: string; readonly dir_id: string; readonly restore_path: string | undefined },
  trashing: { readonly trashedAt: string; readonly trashedBy: JsonObject | undefined } | undefined,
): Promise<Node> {
  const trashed = trashing !== undefined
  const path = joinPath(parent.path, place.name)
  const members = { ...place, ...(node.kind === 'file' ? { trashed } : { path }) }
  const provenance = { trashedAt: trashing?.trashedAt, trashedBy: trashing?.trashedBy }
  const written = await writeNode(work.tx, nodeEdit(node, changedMembers(work, node.exact, members, provenance)))
  if (node.kind === 'directory') await moveDescendants(work, node, path, trashed)
  return written
}

/** A damaged document may say anything. */
function isHome(path: string): boolean {
  return path.startsWith('/') && !isInTrash(path)
}

/** What is below a trashed directory is restored to its place below that one. */
async function restorePathOf(work: Work, node: Node): Promise<string> {
  if (node.dirId === trashId) return node.restorePath ?? '/'
  const ids = await work.tx.ancestors(node.id)
  const top = ids[ids.indexOf(trashId) - 1]
  const [above, ancestor] = await Promise.all([
    findNode(work.tx, node.dirId),
    top === undefined ? undefined : findNode(work.tx, top),
  ])
  if (above?.kind !== 'directory' || ancestor?.kind !== 'directory') return '/'
  const home = joinPath(ancestor.restorePath ?? '/', withoutTrashDigits(ancestor.name))
  return home + above.path.slice(ancestor.path.length)
}

async function freeTrashName(work: Work, dirId: string, name: string): Promise<string> {
  let free = name
  while ((await work.tx.byName(dirId, free)).length > 0)
    free = trashName(name, String(randomInt(100_000_000, 1_000_000_000)))
  return free
}
