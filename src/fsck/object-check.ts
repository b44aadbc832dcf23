/**
 * The second phase, from the objects to the documents: does every object belong to something? An object is put before
 * the document that names it and deleted after it, so one without an owner is damage only when the ledger does not know it
 * either: it lists the uploads and deletions that are under way.
 */
import type { ObjectLedger } from '../../storage/files/contract.ts'
import type { ObjectStat } from '../../storage/objects/contract.ts'
import { classOf } from '../files/class.ts'
import { type Node, nodeOf } from '../files/node.ts'
import { contentName, contentOf, tenantPrefix } from '../model/object-name.ts'
import type { ContentCheck } from './content-check.ts'
import { directoryDocument, type Finding, orphansPath } from './finding.ts'

export interface ObjectCheck extends Omit<ContentCheck, 'hash'> {
  readonly ledger: Pick<ObjectLedger, 'entered'>
}

/** Names that one page of the store's listing holds at most. */
const pageSize = 1_000
/** The picture of the instance's owner belongs to no file. */
const avatar = 'avatar'

/** `index_missing`, `thumbnail_with_no_file` and `type_mismatch`. */
export async function* checkObjects(check: ObjectCheck): AsyncGenerator<Finding, void> {
  for await (const names of namesOf(check)) {
    const suspects = await withoutOwner(check, names)
    if (suspects.length === 0) continue
    const entered = await check.ledger.entered(suspects.map((name) => tenantPrefix(check.prefix) + name))
    const unknown = suspects.filter((name) => !entered.has(tenantPrefix(check.prefix) + name))
    // A commit between the two questions takes an object out of the ledger and gives it an owner.
    for (const name of await withoutOwner(check, unknown)) {
      const finding = await findingOf(check, name)
      if (finding) yield finding
    }
  }
}

async function* namesOf({ objects, prefix, signal }: ObjectCheck): AsyncGenerator<readonly string[], void> {
  const start = tenantPrefix(prefix)
  let after: string | undefined
  for (;;) {
    signal.throwIfAborted()
    const page = await objects.list(start, { after, limit: pageSize })
    yield page.objects.map(({ name }) => name.slice(start.length)).filter((name) => name !== avatar)
    after = page.objects.at(-1)?.name
    if (!page.more || after === undefined) return
  }
}

/** Those of the names that neither a file, a version, nor the image of a note accounts for. */
async function withoutOwner(check: ObjectCheck, names: readonly string[]): Promise<readonly string[]> {
  const { documents } = check
  const parts = names.map((name) => ({ name, thumbnail: thumbnailOf(name), ...guess(name) }))
  const files = await documents.filesNow(
    parts.map(({ thumbnail, fileId }) => thumbnail ?? fileId),
    true,
  )
  const thumbnails = parts.flatMap(({ thumbnail }) => thumbnail ?? [])
  const images = thumbnails.length === 0 ? files : await documents.noteImagesNow(thumbnails)
  const versions = await documents.versionsNow(
    parts.flatMap(({ fileId, internalId, thumbnail }) => (thumbnail === undefined ? `${fileId}/${internalId}` : [])),
    false,
  )
  const nodes = new Map<string, Node>([...files].map(([id, stored]) => [id, nodeOf(stored)]))
  const isOwned = ({ name, thumbnail, fileId, internalId }: (typeof parts)[number]) => {
    if (thumbnail !== undefined) return nodes.get(thumbnail)?.kind === 'file' || images.has(thumbnail)
    // Other names may read as the same ids, but no document means them.
    if (contentName(fileId, internalId) !== name) return false
    const node = nodes.get(fileId)
    return versions.has(`${fileId}/${internalId}`) || (node?.kind === 'file' && node.internalId === internalId)
  }
  return parts.filter((one) => !isOwned(one)).map(({ name }) => name)
}

/** `undefined` when the object was deleted in the meantime. */
async function findingOf({ objects, documents, prefix }: ObjectCheck, name: string): Promise<Finding | undefined> {
  const stat = await objects.stat(tenantPrefix(prefix) + name)
  if (stat === undefined) return undefined
  const thumbnail = thumbnailOf(name)
  if (thumbnail !== undefined) {
    const file_doc = {
      type: 'file',
      _id: thumbnail,
      name,
      size: '0',
      is_dir: false,
      is_orphan: false,
      has_cycle: false,
    }
    return { type: 'thumbnail_with_no_file', file_doc, is_file: true, is_version: false }
  }
  const { fileId } = guess(name)
  const directory = (await documents.filesNow([fileId], true)).get(fileId)
  const file_doc = guessedDocument(name, stat)
  if (directory && nodeOf(directory).kind === 'directory') {
    // The documents know a directory by this id, the store content: the closest equivalent in an object store.
    const dir_doc = directoryDocument(directory)
    return { type: 'type_mismatch', file_doc, dir_doc, is_file: false, is_version: false }
  }
  return { type: 'index_missing', file_doc, is_file: true, is_version: false }
}

/** The document that an object without one might have had. */
function guessedDocument(name: string, { size, md5, contentType, modifiedMs }: ObjectStat) {
  const { fileId, internalId } = guess(name)
  const at = new Date(modifiedMs).toISOString()
  const [mime = ''] = contentType.split(';')
  return {
    type: 'file',
    _id: fileId,
    name: 'unknown',
    created_at: at,
    updated_at: at,
    tags: null,
    path: `${orphansPath}/unknown`,
    size: `${size}`,
    mime: mime.trim(),
    class: classOf(mime.trim()),
    md5sum: md5,
    internal_vfs_id: internalId,
    is_dir: false,
    is_orphan: false,
    has_cycle: false,
  }
}

/** The ids in a content's name; of any other name the parts before and after its first slash. */
function guess(name: string): { readonly fileId: string; readonly internalId: string } {
  const content = contentOf(name)
  if (content) return content
  const slash = name.indexOf('/')
  return slash < 0
    ? { fileId: name, internalId: '' }
    : { fileId: name.slice(0, slash), internalId: name.slice(slash + 1) }
}

/** Whose picture a thumbnail is: `thumbs/`, an id, perhaps split as in a content's name, `-` and a format. */
function thumbnailOf(name: string): string | undefined {
  if (!name.startsWith('thumbs/')) return undefined
  const rest = name.slice('thumbs/'.length)
  const dash = rest.lastIndexOf('-')
  const id = dash < 0 ? rest : rest.slice(0, dash)
  return /^[^/]{22}\/[^/]{5}\/[^/]{5}$/.test(id) ? id.replaceAll('/', '') : id
}
