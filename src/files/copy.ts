/** New files and versions from content that exists already: the store copies the bytes itself. */
import type { FilesReader } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { JsonObject } from '../model/json/value.ts'
import { storedName } from '../model/object-name.ts'
import { changedMembers, newFile, newNodeEdit, nodeEdit, writeNode } from './document.ts'
import { newFileId, newInternalId } from './ids.ts'
import { fileById, freeName, isTrashed, parentById } from './lookup.ts'
import { typeOf } from './mime.ts'
import { checkName, copyName, extensionOf } from './names.ts'
import { asFile, type FileNode } from './node.ts'
import { changedMeanwhile, fileNotFound, parentInTrash } from './problems.ts'
import { uploaded } from './provenance.ts'
import { checkRoom, roomIn } from './quota.ts'
import type { Drive } from './service.ts'
import { withNewObject } from './store-content.ts'
import { checkUsage, type Uploading } from './upload.ts'
import { setAside } from './versions.ts'

const tries = 3

export interface CopyTarget {
  readonly name?: string
  readonly dirId?: string
}

/** A new file with new ids, without references and versions. A name that is taken gets a number. */
export function copyFile(uploading: Uploading, drive: Drive, id: string, to: CopyTarget): Promise<FileNode> {
  const { tree, now, ...storing } = uploading
  return retried(async () => {
    const reader = await tree.reader(drive)
    const source = await fileById(reader, id)
    const dirId = to.dirId ?? source.dirId
    const name = to.name ?? copyName(source.name, drive.locale)
    checkName(name)
    await parentById(reader, dirId)
    checkRoom(source.size, roomIn(drive.quota, await reader.usage()))

    const copyId = newFileId(now())
    const content = { ...source, internalId: newInternalId(), ...typeAs(source, name) }
    const object = storedName(drive.prefix, copyId, content.internalId)
    const commit = () =>
      tree.change(drive, async (work) => {
        await parentById(work.tx, dirId)
        const free = await freeName(work.tx, dirId, name, 'file')
        await checkUsage(work, content.size)
        await work.tx.keep([object])
        const { tags } = source
        const metadata = source.exact['metadata'] as JsonObject | undefined
        const value = newFile(work, { dirId, name: free, tags, metadata }, content)
        return asFile(await writeNode(work.tx, newNodeEdit(copyId, value)))
      })
    return withNewObject(storing, object, () => copyObject(storing.objects, reader, drive, source, object), commit)
  })
}

/** Keeps the current content as a version and continues with a copy of it. */
export function keepVersion(
  { tree, ...storing }: Uploading,
  drive: Drive,
  id: string,
  description: { readonly tags?: readonly string[]; readonly metadata?: JsonObject | undefined },
): Promise<FileNode> {
  return retried(async () => {
    const reader = await tree.reader(drive)
    const source = await fileById(reader, id)
    if (isTrashed(source)) throw parentInTrash()
    checkRoom(source.size, roomIn(drive.quota, await reader.usage()))
    const internalId = newInternalId()
    const object = storedName(drive.prefix, id, internalId)
    const commit = () =>
      tree.change(drive, async (work) => {
        const file = await fileById(work.tx, id)
        if (file.internalId !== source.internalId) throw new OtherContent()
        if (isTrashed(file)) throw parentInTrash()
        await checkUsage(work, file.size)
        await work.tx.keep([object])
        const aside = await setAside(work, file, { always: true, sameContent: true })
        const members = {
          internal_vfs_id: internalId,
          updated_at: work.at,
          tags: description.tags ?? [],
          metadata: description.metadata,
        }
        const value = changedMembers(work, file.exact, members, { uploadedBy: undefined, ...uploaded(work) })
        return asFile(await writeNode(work.tx, nodeEdit(file, value), ...aside))
      })
    return withNewObject(storing, object, () => copyObject(storing.objects, reader, drive, source, object), commit)
  })
}

/** A file may be overwritten while it is being copied: then the copy starts over, a few times. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < tries; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof OtherContent)) throw error
    }
  }
  throw changedMeanwhile()
}

/** The file's content was replaced since it was read: the copy is useless. */
class OtherContent extends Error {
  override readonly name = 'OtherContent'
}

/** @throws Problem 404 when the content is not in the store; `OtherContent` when it no longer belongs to the file */
async function copyObject(
  objects: Pick<ObjectStore, 'copy'>,
  tree: Pick<FilesReader, 'byIds'>,
  drive: Drive,
  source: FileNode,
  object: string,
): Promise<void> {
  if (await objects.copy(storedName(drive.prefix, source.id, source.internalId), object)) return
  const current = await fileById(tree, source.id)
  throw current.internalId === source.internalId ? fileNotFound() : new OtherContent()
}

/** Another extension means another type. */
function typeAs(source: FileNode, name: string): Pick<FileNode, 'mime' | 'class'> {
  if (extensionOf(name) !== extensionOf(source.name)) return typeOf(name)
  return { mime: source.mime, class: source.class }
}
