/** New files and new content: checked before the first byte and again after the last one. */

import { storedName } from '../model/object-name.ts'
import { changedMembers, contentMembers, newFile, newNodeEdit, nodeEdit, writeNode } from './document.ts'
import type { Drives, Work } from './drives.ts'
import { newFileId, newInternalId } from './ids.ts'
import { checkFree, checkRevision, fileById, isTrashed, parentById } from './lookup.ts'
import { typeOf } from './mime.ts'
import { checkName } from './names.ts'
import { asFile, type FileNode } from './node.ts'
import { parentInTrash } from './problems.ts'
import { uploaded } from './provenance.ts'
import { checkRoom, roomIn } from './quota.ts'
import type { Bytes, Drive, NewContent, NewFile } from './service.ts'
import { type Received, receive, type Storing, withNewObject } from './store-content.ts'
import { setAside } from './versions.ts'

export interface Uploading extends Storing {
  readonly tree: Drives
  readonly now: () => number
}

export async function createFile(
  { tree, now, ...storing }: Uploading,
  drive: Drive,
  file: NewFile,
  body: Bytes,
): Promise<FileNode> {
  checkName(file.name)
  const type = typeOf(file.name, file.mime)
  const reader = await tree.reader(drive)
  const room = roomIn(drive.quota, await reader.usage())
  checkRoom(file.size ?? 0, room)
  await checkFree(reader, (await parentById(reader, file.dirId)).id, file.name)

  const id = newFileId(now())
  const internalId = newInternalId()
  const object = storedName(drive.prefix, id, internalId)
  const commit = ({ size, md5sum }: Received) =>
    tree.change(drive, async (work) => {
      await checkFree(work.tx, (await parentById(work.tx, file.dirId)).id, file.name)
      await checkUsage(work, size)
      const { executable = false, encrypted = false } = file
      const value = newFile(work, file, { internalId, size, md5sum, ...type, executable, encrypted })
      await work.tx.keep([object])
      return asFile(await writeNode(work.tx, newNodeEdit(id, value)))
    })
  return withNewObject(
    storing,
    object,
    () => receive(storing.objects, object, body, { ...file, mime: type.mime, room }),
    commit,
  )
}

/** Name, directory, creation and references stay; tags, flags and metadata are replaced even where they are not given. */
export async function overwrite(
  { tree, ...storing }: Uploading,
  drive: Drive,
  id: string,
  content: NewContent,
  body: Bytes,
): Promise<FileNode> {
  const reader = await tree.reader(drive)
  const known = await writable(reader, id, content.ifMatch)
  const type = typeOf(known.name, content.mime)
  const room = roomIn(drive.quota, await reader.usage())
  checkRoom(content.size ?? 0, room)

  const internalId = newInternalId()
  const object = storedName(drive.prefix, id, internalId)
  const commit = ({ size, md5sum }: Received) =>
    tree.change(drive, async (work) => {
      const file = await writable(work.tx, id, content.ifMatch)
      await checkUsage(work, size)
      await work.tx.keep([object])
      const { executable = false, encrypted = false } = content
      const members = {
        ...contentMembers({ internalId, size, md5sum, ...type, executable, encrypted }),
        updated_at: content.updatedAt ?? work.at,
        tags: content.tags ?? [],
        metadata: content.metadata,
      }
      const value = changedMembers(work, file.exact, members, { uploadedBy: undefined, ...uploaded(work) })
      const aside = await setAside(work, file, { always: false, sameContent: file.md5sum === md5sum })
      return asFile(await writeNode(work.tx, nodeEdit(file, value), ...aside))
    })
  return withNewObject(
    storing,
    object,
    () => receive(storing.objects, object, body, { ...content, mime: type.mime, room }),
    commit,
  )
}

/** @throws Problem 413 when the drive has no room for this many more bytes */
export async function checkUsage({ tx, drive }: Work, size: number): Promise<void> {
  if (drive.quota !== undefined) checkRoom(size, roomIn(drive.quota, await tx.usage()))
}

async function writable(
  tree: Parameters<typeof fileById>[0],
  id: string,
  ifMatch: string | undefined,
): Promise<FileNode> {
  const file = await fileById(tree, id)
  checkRevision(file, ifMatch)
  if (isTrashed(file)) throw parentInTrash()
  return file
}
