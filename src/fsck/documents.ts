/**
 * The documents of one instance's files as a check reads them: straight out of the document store and page by page,
 * never through an index that is derived from them, which would hide the damage in question.
 */
import type { DatabaseRef, DocumentStore, StoredDocument } from '../../storage/documents/contract.ts'
import { filesDoctype, versionsDoctype } from '../../storage/files/contract.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import { scanPage } from '../model/page-limits.ts'

export type DocumentReader = Pick<DocumentStore, 'databaseInfo' | 'scanIds' | 'readMany' | 'readTrees'>

export interface CheckedDocuments {
  /** All live files and directories by id, in pages. Throws `no_database` */
  files(): AsyncIterable<readonly StoredDocument[]>
  /** All live versions by id, in pages; none where no version was ever made. */
  versions(): AsyncIterable<readonly StoredDocument[]>
  /** Live documents as they are now, by id. `text` is `{}` unless `bodies`. */
  filesNow(ids: Iterable<string>, bodies: boolean): Promise<ReadonlyMap<string, StoredDocument>>
  versionsNow(ids: Iterable<string>, bodies: boolean): Promise<ReadonlyMap<string, StoredDocument>>
  /** The same for the images of notes, which have thumbnails like files. */
  noteImagesNow(ids: Iterable<string>): Promise<ReadonlyMap<string, StoredDocument>>
  /** Which of these have a leaf that is neither deleted nor the winner. */
  conflicted(ids: readonly string[]): Promise<ReadonlySet<string>>
}

/** `signal` ends the reading between two pages. */
export function checkedDocuments(store: DocumentReader, prefix: string, signal: AbortSignal): CheckedDocuments {
  const filesRef = { prefix, name: filesDoctype }
  const versionsRef = { prefix, name: versionsDoctype }
  const imagesRef = { prefix, name: 'io.cozy.notes.images' }

  async function now(ref: DatabaseRef, ids: Iterable<string>, bodies: boolean) {
    const found = new Map<string, StoredDocument>()
    const wanted = [...new Set(ids)].filter((id) => id !== '')
    for (let at = 0; at < wanted.length; at += scanPage) {
      signal.throwIfAborted()
      const page = store.readMany(ref, wanted.slice(at, at + scanPage), bodies)
      for (const document of await orWithoutDatabase(page, [])) {
        if (!document.deleted) found.set(document.id, document)
      }
    }
    return found
  }

  return {
    async *files() {
      await store.databaseInfo(filesRef)
      yield* pages(store, filesRef, signal)
    },
    versions: () => pages(store, versionsRef, signal),
    filesNow: (ids, bodies) => now(filesRef, ids, bodies),
    versionsNow: (ids, bodies) => now(versionsRef, ids, bodies),
    noteImagesNow: (ids) => now(imagesRef, ids, false),
    async conflicted(ids) {
      const trees = ids.length === 0 ? [] : (await store.readTrees(filesRef, ids)).values()
      const conflicted = [...trees].filter(({ nodes }) => nodes.filter((node) => node.leaf && !node.deleted).length > 1)
      return new Set(conflicted.map(({ id }) => id))
    },
  }
}

async function* pages(
  store: DocumentReader,
  ref: DatabaseRef,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredDocument[], void> {
  let start: { readonly id: string; readonly inclusive: boolean } | undefined
  for (;;) {
    signal.throwIfAborted()
    const range = { start, descending: false, skip: 0, limit: scanPage, designs: 'none', bodies: true } as const
    const page = await orWithoutDatabase(store.scanIds(ref, range), [])
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (last === undefined || page.length < scanPage) return
    start = { id: last.id, inclusive: false }
  }
}
