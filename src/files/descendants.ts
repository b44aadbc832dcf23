/**
 * Changes to everything below a directory, in the transaction that changes the directory itself: stored paths follow a
 * rename or move, files say whether they are in the trash, and what is destroyed leaves nothing.
 */
import type { FileEdit } from '../../storage/files/contract.ts'
import { storedName, thumbnailNames } from '../model/object-name.ts'
import { changedMembers, nodeEdit, versionEdit } from './document.ts'
import type { Work } from './drives.ts'
import type { Directory, FileNode, Node } from './node.ts'
import { directoryPages, filePages, nodePages } from './pages.ts'
import { checkLevels } from './paths.ts'
import { versionOf } from './version-document.ts'

/** Edits in one statement: enough to be fast, few enough to stay small. */
const writeSize = 1_000

/**
 * Returns the directories below the path that they have after `directory` went to `path`, and, where `trashed` is given,
 * sets that flag on the files. @throws Problem 422 when one would lie too deep
 */
export async function moveDescendants(
  work: Work,
  directory: Directory,
  path: string,
  trashed?: boolean,
): Promise<void> {
  // Files hold no path: without a change of the flag they stay as they are.
  const kind = trashed === undefined ? 'directory' : undefined
  const before = `${directory.path}/`
  const edits = (node: Node): readonly FileEdit[] => {
    if (node.kind === 'file') {
      return trashed === undefined || node.trashed === trashed
        ? []
        : [nodeEdit(node, changedMembers(work, node.exact, { trashed }))]
    }
    // A path that does not match the directory's place is damage: it is left to a checker, which reports it.
    if (!node.path.startsWith(before)) return []
    const moved = `${path}/${node.path.slice(before.length)}`
    checkLevels(moved)
    return [nodeEdit(node, changedMembers(work, node.exact, { path: moved }))]
  }
  for await (const page of nodePages(work.tx, directory.id, kind)) await work.tx.write(page.flatMap(edits))
}

/** Deletes everything below a directory, with versions; their objects are discarded. */
export async function removeDescendants(work: Work, dirId: string): Promise<void> {
  // Collected before anything is deleted: the children of a deleted directory could no longer be found.
  const directories: Pick<Directory, 'id' | 'rev'>[] = []
  for await (const page of directoryPages(work.tx, dirId)) {
    for (const { id, rev } of page) directories.push({ id, rev })
  }
  for await (const page of filePages(work.tx, dirId)) await removeFiles(work, page)
  for (let at = 0; at < directories.length; at += writeSize) {
    await work.tx.write(directories.slice(at, at + writeSize).map((directory) => nodeEdit(directory, undefined)))
  }
}

/** Deletes files with their versions. */
export async function removeFiles(work: Work, files: readonly FileNode[]): Promise<void> {
  const { tx, drive } = work
  const versions = (await tx.versionsOf(files.map(({ id }) => id))).map(versionOf)
  await tx.write([
    ...files.map((file) => nodeEdit(file, undefined)),
    ...versions.map((version) => versionEdit(version, undefined)),
  ])
  await work.discard([
    ...files.flatMap((file) => [storedName(drive.prefix, file.id, file.internalId), ...thumbnails(work, file)]),
    ...versions.map(({ fileId, internalId }) => storedName(drive.prefix, fileId, internalId)),
  ])
}

function thumbnails({ drive }: Work, file: FileNode): readonly string[] {
  return file.class === 'image' || file.class === 'pdf' ? thumbnailNames(drive.prefix, file.id) : []
}
