/** Making directories: one in an existing directory, or all that are missing in a path. */

import { newDirectory, newNodeEdit, writeNode } from './document.ts'
import type { Work } from './drives.ts'
import { newFileId } from './ids.ts'
import { checkFree, findNode, freeName, nodeByPath, parentById } from './lookup.ts'
import { checkName } from './names.ts'
import { asDirectory, type Directory, rootId, sharedDrivesId } from './node.ts'
import { checkLevels, cleanPath, isInTrash, joinPath, splitPath } from './paths.ts'
import { nameTaken, parentInTrash, parentNotFound } from './problems.ts'
import type { NewDirectory } from './service.ts'

export async function createDirectory(work: Work, directory: NewDirectory): Promise<Directory> {
  checkName(directory.name)
  const parent = await parentById(work.tx, directory.dirId)
  await checkFree(work.tx, parent.id, directory.name)
  return makeIn(work, parent, directory)
}

export interface AtPath {
  readonly recursive: boolean
  readonly tags?: readonly string[]
}

/**
 * Makes the directory at a path. `recursive` makes its parents too, and returns an existing directory unchanged.
 * @throws Problem 404 when the parent is missing or a file, 409 when the name is taken
 */
export async function createDirectoryAt(work: Work, path: string, options: AtPath): Promise<Directory> {
  const wanted = cleanPath(path)
  checkLevels(wanted)
  const missing: string[] = []
  let at = wanted
  let found = await nodeByPath(work.tx, at)
  while (found === undefined) {
    const { parent, name } = splitPath(at)
    if (name === '') throw parentNotFound()
    missing.unshift(name)
    at = parent
    found = await nodeByPath(work.tx, at)
  }
  if (found.kind !== 'directory') throw missing.length === 0 ? nameTaken() : parentNotFound()
  if (missing.length === 0) {
    if (options.recursive) return found
    throw found.id === rootId ? parentNotFound() : nameTaken()
  }
  if (missing.length > 1 && !options.recursive) throw parentNotFound()
  if (isInTrash(found.path)) throw parentInTrash()
  for (const name of missing) checkName(name)
  let directory = found
  for (const [depth, name] of missing.entries()) {
    const isLast = depth === missing.length - 1
    const tags = isLast && options.tags ? { tags: options.tags } : {}
    directory = await makeIn(work, directory, { dirId: directory.id, name, ...tags })
  }
  return directory
}

/** The directory that holds shared drives, made when it is first asked for. */
export async function sharedDrivesDirectory(work: Work): Promise<Directory> {
  const there = await findNode(work.tx, sharedDrivesId)
  if (there?.kind === 'directory') return there
  const root = await parentById(work.tx, rootId)
  const name = await freeName(work.tx, rootId, 'Drives', 'directory')
  return makeIn(work, root, { dirId: rootId, name }, sharedDrivesId)
}

async function makeIn(work: Work, parent: Directory, directory: NewDirectory, id?: string): Promise<Directory> {
  const path = joinPath(parent.path, directory.name)
  checkLevels(path)
  const value = newDirectory(work, { ...directory, dirId: parent.id }, path)
  return asDirectory(await writeNode(work.tx, newNodeEdit(id ?? newFileId(work.nowMs), value)))
}
