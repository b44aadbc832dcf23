/**
 * The first phase of a check: are the documents of files consistent among themselves? No one is prevented from
 * writing in the meantime, so whatever looks wrong is checked once more: when a document that it was concluded from has
 * changed since it was read, nothing is reported; a damage that stays is found by the next check.
 */
import type { StoredDocument } from '../../storage/documents/contract.ts'
import { type Node, nodeOf, rootId, trashId } from '../files/node.ts'
import { joinPath } from '../files/paths.ts'
import type { CheckedDocuments } from './documents.ts'
import { directoryDocument, type Finding, fileDocument, orphansPath, versionDocument } from './finding.ts'
import { type Suspicion, Tree } from './tree.ts'

/** Suspicions that are checked with one request to the store. */
const together = 50

/** Throws `no_database`. */
export async function* checkIndex(documents: CheckedDocuments): AsyncGenerator<Finding, void> {
  const tree = new Tree()
  for await (const page of documents.files()) {
    for (const stored of page) tree.add(nodeOf(stored), stored.seq)
    yield* conflicts(documents, page)
  }
  // The special directories are made when the files are first used.
  if (tree.size > 0) {
    const special = await documents.filesNow([rootId, trashId], false)
    if (!special.has(rootId)) {
      yield { type: 'index_missing_root', is_file: false, is_version: false }
      return
    }
    if (!special.has(trashId)) yield { type: 'index_missing_trash', is_file: false, is_version: false }
  }
  for (const suspicions of inGroups(tree.suspicions(), together)) yield* confirmed(documents, suspicions)
  yield* lostVersions(documents)
}

async function* conflicts(documents: CheckedDocuments, page: readonly StoredDocument[]): AsyncGenerator<Finding, void> {
  const suspects = page.filter(({ leaves }) => leaves > 1)
  if (suspects.length === 0) return
  const conflicted = await documents.conflicted(suspects.map(({ id }) => id))
  const found = suspects.filter(({ id }) => conflicted.has(id))
  const pathOf = await pathsOf(documents, found.map(nodeOf))
  for (const stored of found) {
    const node = nodeOf(stored)
    yield node.kind === 'directory'
      ? { type: 'conflict_in_index', dir_doc: directoryDocument(stored), is_file: false, is_version: false }
      : {
          type: 'conflict_in_index',
          file_doc: fileDocument(stored, { path: pathOf(node) }),
          is_file: true,
          is_version: false,
        }
  }
}

/** Paths of files, by what their directories have stored. */
export async function pathsOf(
  documents: Pick<CheckedDocuments, 'filesNow'>,
  nodes: readonly Node[],
): Promise<(node: Node) => string> {
  const above = await documents.filesNow(
    nodes.map(({ dirId }) => dirId),
    true,
  )
  return (node) => {
    const stored = above.get(node.dirId)
    const directory = stored && nodeOf(stored)
    return joinPath(directory?.kind === 'directory' ? directory.path : orphansPath, node.name)
  }
}

/** The suspicions whose documents have not changed. */
async function* confirmed(
  documents: CheckedDocuments,
  suspicions: readonly Suspicion[],
): AsyncGenerator<Finding, void> {
  const found = await documents.filesNow(
    suspicions.map(({ entry }) => entry.id),
    true,
  )
  const around = await documents.filesNow(
    suspicions.flatMap(({ basis, absent }) => [...basis.map(({ id }) => id), absent ?? '']),
    true,
  )
  for (const suspicion of suspicions) {
    const { entry, basis, absent = '' } = suspicion
    const stored = found.get(entry.id)
    const parent = around.get(absent)
    if (stored?.seq !== entry.seq || basis.some(({ id, seq }) => around.get(id)?.seq !== seq)) continue
    if (parent && nodeOf(parent).kind === 'directory') continue
    yield findingOf(suspicion, stored)
  }
}

/** Findings about a file of which clients expect `is_file`; the others have it false. */
const aboutFiles: ReadonlySet<string> = new Set(['index_orphan_tree'])

function findingOf(suspicion: Suspicion, stored: StoredDocument): Finding {
  const { type, isDirectory, path = joinPath(orphansPath, nodeOf(stored).name), expectedPath } = suspicion
  const expected = expectedPath === undefined ? {} : { expected_fullpath: expectedPath }
  return isDirectory
    ? { type, dir_doc: directoryDocument(stored, suspicion), is_file: false, is_version: false, ...expected }
    : {
        type,
        file_doc: fileDocument(stored, { ...suspicion, path }),
        is_file: aboutFiles.has(type),
        is_version: false,
      }
}

/** Versions of files that do not exist. */
async function* lostVersions(documents: CheckedDocuments): AsyncGenerator<Finding, void> {
  for await (const page of documents.versions()) {
    // Asked after the page was read: a version is written together with its file, or after it.
    const files = await documents.filesNow(page.map(fileOf), false)
    const suspects = page.filter((version) => !files.has(fileOf(version)))
    const still = await documents.versionsNow(
      suspects.map(({ id }) => id),
      false,
    )
    for (const version of suspects) {
      if (!still.has(version.id)) continue
      yield { type: 'file_missing', version_doc: versionDocument(version), is_file: false, is_version: true }
    }
  }
}

function fileOf({ id }: StoredDocument): string {
  return id.slice(0, Math.max(0, id.indexOf('/'))) || id
}

function* inGroups<Item>(items: Iterable<Item>, size: number): Generator<readonly Item[], void> {
  let group: Item[] = []
  for (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}
