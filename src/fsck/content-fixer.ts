/**
 * Repairs files that lost the end of their content: uploads once were stored in blocks of 64 KiB, and a fault
 * left some of them short by whole blocks, or empty. What else is wrong with contents is left alone.
 */
import { Buffer } from 'node:buffer'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { FileStore, FilesTransaction } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { changedMembers, nodeEdit } from '../files/document.ts'
import { maxNameBytes } from '../files/names.ts'
import { type FileNode, type Node, nodeOf } from '../files/node.ts'
import type { Drive, Files } from '../files/service.ts'
import { Problem } from '../model/errors.ts'
import { tenantPrefix } from '../model/object-name.ts'
import { formatRevision } from '../model/revision.ts'
import { readAll } from './content.ts'
import { type BadContent, badFiles } from './content-check.ts'
import { checkedDocuments } from './documents.ts'
import type { Mismatch } from './finding.ts'
import { pathsOf } from './index-check.ts'
import type { FixedContents, FixedFile } from './service.ts'

const blockBytes = 65_536

export interface FixerParts {
  readonly store: DocumentStore
  readonly fileStore: Pick<FileStore, 'change'>
  readonly objects: ObjectStore
  readonly files: Pick<Files, 'destroy'>
  readonly now: () => number
}

/** True for content that is shorter than its document says by whole blocks, or that is empty. */
export function lostItsEnd({ size_index, size_file }: Pick<Mismatch, 'size_index' | 'size_file'>): boolean {
  if (size_file >= size_index) return false
  return (size_index - size_file) % blockBytes === 0 || (size_index <= blockBytes && size_file === 0)
}

/** Files that are changed by someone else in the meantime are left alone, and left out of the answer. */
export async function fixContents(
  parts: FixerParts,
  drive: Drive,
  { dryRun }: { readonly dryRun: boolean },
): Promise<FixedContents> {
  const { prefix } = drive
  const { signal } = new AbortController()
  const documents = checkedDocuments(parts.store, prefix, signal)
  const updated: FixedFile[] = []
  const removed: FixedFile[] = []
  for await (const page of badFiles({ documents, objects: parts.objects, prefix, hash: false, signal })) {
    const bad = page.filter(({ verdict }) => verdict !== 'missing' && lostItsEnd(verdict))
    const pathOf = await pathsOf(
      documents,
      bad.flatMap(({ content: { node } }) => node ?? []),
    )
    for (const one of bad) {
      const { node } = one.content
      if (node?.kind !== 'file') continue
      const fixed = { path: pathOf(node), id: node.id, createdAt: node.createdAt, updatedAt: node.updatedAt }
      const isDone = dryRun || (await (node.trashed ? destroy(parts, drive, node) : shorten(parts, drive, one)))
      if (isDone) (node.trashed ? removed : updated).push(fixed)
    }
  }
  return { updated, removed }
}

async function destroy({ files }: FixerParts, drive: Drive, node: FileNode): Promise<boolean> {
  try {
    await files.destroy(drive, node.id, { ifMatch: node.rev, inTrash: false })
    return true
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 412 || error.status === 409)) return false
    throw error
  }
}

/** Makes the document match its content, and renames it so that users notice. The bytes stay. */
async function shorten(parts: FixerParts, drive: Drive, { content }: BadContent): Promise<boolean> {
  const { prefix } = drive
  // Before the transaction, which must wait for no object store.
  const real = await readAll(parts.objects, tenantPrefix(prefix) + content.name, new AbortController().signal)
  if (real === undefined) return false
  const act = { drive, at: new Date(parts.now()).toISOString() }
  return parts.fileStore.change(prefix, async (tx) => {
    const [stored] = await tx.byIds([content.stored.id])
    if (!stored || formatRevision(stored) !== formatRevision(content.stored)) return false
    const node = nodeOf(stored)
    const name = await corruptedName(tx, node)
    const members = changedMembers(act, node.exact, { name, size: `${real.size}`, md5sum: real.md5 })
    await tx.write([nodeEdit(node, members)])
    return true
  })
}

/** `NAME-corrupted`, with a number where that is taken. Long names lose their end for it. */
async function corruptedName(tx: Pick<FilesTransaction, 'byName'>, { dirId, name }: Node): Promise<string> {
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '-corrupted' : `-corrupted (${number})`
    const stem = [...name]
    while (Buffer.byteLength(stem.join('') + suffix) > maxNameBytes) stem.pop()
    const wanted = stem.join('') + suffix
    if ((await tx.byName(dirId, wanted)).length === 0) return wanted
  }
}
