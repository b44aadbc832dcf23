/** Former contents of files: kept when replaced, listed, tagged, restored, deleted. */
import type { FileEdit, FilesReader } from '../../storage/files/contract.ts'
import { storedName } from '../model/object-name.ts'
import { instantOf } from './dates.ts'
import { changedMembers, contentMembers, nodeEdit, versionEdit, writeNode } from './document.ts'
import type { Drives, Work } from './drives.ts'
import { fileById, isTrashed } from './lookup.ts'
import { asFile, type FileNode, rootId } from './node.ts'
import { filePages } from './pages.ts'
import { fileNotFound, parentInTrash } from './problems.ts'
import type { Drive } from './service.ts'
import { ageOf, type StoredVersion, textOf, versionId, versionOf, versionOfFile } from './version-document.ts'
import { keptVersions } from './versioning.ts'

/** The newest content first, comparing dates as instants. */
export async function versionsOf(tree: FilesReader, fileId: string): Promise<readonly StoredVersion[]> {
  const aged = (await tree.versions(fileId)).map((document) => {
    const version = versionOf(document)
    return { version, at: instantOf(textOf(version.value['updated_at'])) ?? 0n }
  })
  return aged.sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? 1 : -1)).map(({ version }) => version)
}

export async function findVersion(
  tree: FilesReader,
  fileId: string,
  internalId: string,
): Promise<StoredVersion | undefined> {
  return (await versionsOf(tree, fileId)).find((version) => version.id === versionId(fileId, internalId))
}

/**
 * Edits for content that is about to be replaced: it becomes a version, or its object is discarded, and the versions
 * that are too many go.
 */
export async function setAside(
  work: Work,
  file: FileNode,
  rules: { readonly always: boolean; readonly sameContent: boolean },
): Promise<readonly FileEdit[]> {
  const versions = await versionsOf(work.tx, file.id)
  const aside = versionOfFile(work, file)
  const candidate = {
    id: aside.id,
    createdMs: work.nowMs,
    tagged: file.tags.length > 0,
  }
  const { keep, drop } = keptVersions({ candidate, versions: versions.map(ageOf), ...rules }, work.drive.versioning)
  const dropped = versions.filter(({ id }) => drop.includes(id))
  const lost = [...dropped, ...(keep ? [] : [{ fileId: file.id, internalId: file.internalId }])]
  await work.discard(lost.map((content) => storedName(work.drive.prefix, content.fileId, content.internalId)))
  return [
    ...dropped.map((version) => versionEdit(version, undefined)),
    ...(keep ? [versionEdit(aside, aside.value)] : []),
  ]
}

/** The content of a version becomes the current one, which becomes a version: a swap, so that nothing is lost. */
export async function revert(work: Work, fileId: string, internalId: string): Promise<FileNode> {
  const file = await fileById(work.tx, fileId)
  const version = await findVersion(work.tx, fileId, internalId)
  if (version === undefined) throw fileNotFound()
  if (isTrashed(file)) throw parentInTrash()
  const { mime, class: fileClass, executable, encrypted } = file
  const content = { ...version, mime, class: fileClass, executable, encrypted }
  const members = {
    ...contentMembers(content),
    updated_at: textOf(version.value['updated_at']) || work.at,
    tags: version.tags,
    metadata: version.exact['metadata'],
  }
  const aside = versionOfFile(work, file)
  const value = changedMembers(work, file.exact, members)
  const node = await writeNode(
    work.tx,
    nodeEdit(file, value),
    versionEdit(aside, aside.value),
    versionEdit(version, undefined),
  )
  return asFile(node)
}

export async function tagVersion(
  work: Work,
  fileId: string,
  internalId: string,
  tags: readonly string[],
): Promise<StoredVersion> {
  const version = await findVersion(work.tx, fileId, internalId)
  if (version === undefined) throw fileNotFound()
  const edit = versionEdit(version, changedMembers(work, version.exact, { tags }))
  const [revision] = await work.tx.write([edit])
  if (revision === undefined || edit.body === undefined) throw new Error('the store gave no revision')
  return versionOf({ id: version.id, ...revision, text: edit.body.text })
}

export async function deleteVersion(work: Work, fileId: string, internalId: string): Promise<void> {
  const version = await findVersion(work.tx, fileId, internalId)
  if (version === undefined) throw fileNotFound()
  await deleteVersions(work, [version])
}

/** Those of all files, page by page: each page is a separate change, so that others get their turn. */
export async function deleteAllVersions(tree: Drives, drive: Drive): Promise<void> {
  const reader = await tree.reader(drive)
  for await (const files of filePages(reader, rootId)) {
    const ids = files.map(({ id }) => id)
    if ((await reader.versionsOf(ids)).length === 0) continue
    await tree.change(drive, async (work) => deleteVersions(work, (await work.tx.versionsOf(ids)).map(versionOf)))
  }
}

async function deleteVersions(work: Work, versions: readonly StoredVersion[]): Promise<void> {
  await work.tx.write(versions.map((version) => versionEdit(version, undefined)))
  await work.discard(versions.map(({ fileId, internalId }) => storedName(work.drive.prefix, fileId, internalId)))
}
