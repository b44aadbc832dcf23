/** Renaming, moving, and changing the metadata of files and directories. */
import type { Json } from '../model/json/value.ts'
import { classOf } from './class.ts'
import { isBefore } from './dates.ts'
import { moveDescendants } from './descendants.ts'
import { changedMembers, nodeEdit, writeNode } from './document.ts'
import type { Work } from './drives.ts'
import { checkFree, checkOrdinary, checkRevision, isTrashed, nodeById, parentById } from './lookup.ts'
import { typeOf } from './mime.ts'
import { checkName, extensionOf } from './names.ts'
import type { Directory, FileNode, Node } from './node.ts'
import { checkLevels, joinPath } from './paths.ts'
import { alreadyInTrash, illegalTime, ownSubtree } from './problems.ts'
import type { NodeChanges } from './service.ts'

type Members = Readonly<Record<string, Json | undefined>>

export async function changeNode(work: Work, id: string, changes: NodeChanges): Promise<Node> {
  const node = await nodeById(work.tx, id)
  checkOrdinary(id)
  checkRevision(node, changes.ifMatch)
  if (changes.updatedAt !== undefined && isBefore(changes.updatedAt, node.createdAt)) throw illegalTime()
  const place = await placeAfter(work, node, changes)
  const members = {
    ...place,
    ...withoutAbsent({ tags: changes.tags, updated_at: changes.updatedAt, metadata: changes.metadata }),
    ...(node.kind === 'file' ? fileMembers(node, changes) : {}),
  }
  const favorite = withoutAbsent({ favorite: changes.favorite })
  const value = changedMembers(work, node.exact, members, favorite)
  const written = await writeNode(work.tx, nodeEdit(node, value))
  if (node.kind === 'directory' && typeof place['path'] === 'string') await moveDescendants(work, node, place['path'])
  return written
}

/** Name, directory and path where they change, after checking everything that could forbid it. */
async function placeAfter(work: Work, node: Node, changes: NodeChanges): Promise<Members> {
  const { name = node.name, dirId = node.dirId } = changes
  const isMove = dirId !== node.dirId
  if (!isMove && name === node.name) return {}
  checkName(name)
  if (isMove && isTrashed(node)) throw alreadyInTrash()
  const parent = isMove ? await parentById(work.tx, dirId) : await nodeById(work.tx, dirId)
  if (isMove && node.kind === 'directory') await checkNotBelow(work, node, parent.id)
  await checkFree(work.tx, dirId, name, node.id)
  const path = parent.kind === 'directory' ? joinPath(parent.path, name) : ''
  if (node.kind === 'file') return { name, dir_id: dirId }
  checkLevels(path)
  return { name, dir_id: dirId, path }
}

/** @throws Problem 412 when a directory would become its own descendant */
async function checkNotBelow(work: Work, directory: Directory, dirId: string): Promise<void> {
  if (dirId === directory.id || (await work.tx.ancestors(dirId)).includes(directory.id)) throw ownSubtree()
}

function fileMembers(file: FileNode, changes: NodeChanges): Members {
  const { name = file.name, executable, encrypted } = changes
  const type = extensionOf(name) === extensionOf(file.name) ? undefined : typeOf(name)
  return withoutAbsent({
    mime: type?.mime,
    class: type?.class ?? (changes.reclassify ? classOf(file.mime) : undefined),
    executable,
    encrypted,
  })
}

/** Members that are absent stay as they are. */
function withoutAbsent(members: Members): Members {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}
