/** Exports as documents. They are the server's and not the instance's: replacing an instance must not lose its exports. */
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { newDocumentId } from '../ids.ts'
import { membersOf, type OwnDocument, readDocument, writeDocument } from '../instances/own-documents.ts'
import { Problem } from '../model/errors.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import { orWithoutDatabase } from '../model/no-database.ts'
import { scanPage } from '../model/page-limits.ts'

export const exportsDoctype = 'io.cozy.exports'
const ref: DatabaseRef = { prefix: 'global', name: exportsDoctype }

type Store = Pick<DocumentStore, 'read' | 'write' | 'createDatabase' | 'scanIds'>

/** A member that clients do not see: where the archive lies. */
const hidden = 'archive'

export interface ArchivePart {
  /** The object that lists what is in the part. */
  readonly object: string
  /** Bytes of the zip. */
  readonly length: number
}

export async function createExport(store: Store, value: JsonObject): Promise<string> {
  await store.createDatabase(ref)
  const id = newDocumentId()
  if ((await writeDocument(store, { ref, id, value })) !== 'ok') throw new Error('the export could not be stored')
  return id
}

/** Sets members; `undefined` when the export is gone. */
export async function updateExport(store: Store, id: string, change: JsonObject): Promise<OwnDocument | undefined> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const known = await readExport(store, id)
    if (known === undefined) return undefined
    const value = { ...known.value, ...change }
    if ((await writeDocument(store, { ref, id, value, parent: known })) === 'ok') return { ...known, value }
  }
  throw new Error('the export keeps being changed by others')
}

export function readExport(store: Pick<DocumentStore, 'read'>, id: string): Promise<OwnDocument | undefined> {
  return orWithoutDatabase(readDocument(store, ref, id), undefined)
}

/** All exports of an instance. */
export async function exportsOf(store: Store, domain: string): Promise<readonly OwnDocument[]> {
  const found: OwnDocument[] = []
  let after: string | undefined
  for (;;) {
    const start = after === undefined ? undefined : { id: after, inclusive: false }
    const range = { start, descending: false, skip: 0, limit: scanPage, designs: 'none', bodies: true } as const
    const rows = await orWithoutDatabase(store.scanIds(ref, range), [])
    for (const { id, gen, hash, text } of rows) {
      const value = membersOf(text)
      if (value['domain'] === domain) found.push({ id, gen, hash, value })
    }
    after = rows.at(-1)?.id
    if (rows.length < scanPage) return found
  }
}

/** What clients see of an export. */
export function exportAttributes({ value }: OwnDocument): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== hidden))
}

/** Whether the archive can still be downloaded. Throws `not_found` where it cannot. */
export function archiveOf({ value }: OwnDocument, nowMs: number): readonly ArchivePart[] {
  requireFresh({ value }, nowMs)
  const archive = value[hidden]
  if (value['state'] !== 'done' || !isObject(archive) || !Array.isArray(archive['parts'])) throw gone()
  return archive['parts'] as unknown as readonly ArchivePart[]
}

/** Whether there is something to download. */
export function hasArchive({ value }: OwnDocument, nowMs: number): boolean {
  const archive = value[hidden]
  const isReady = value['state'] === 'done' && isObject(archive) && Array.isArray(archive['parts'])
  return isReady && Date.parse(String(value['expires_at'])) > nowMs
}

/** The job that made an export. */
export function jobOf({ value }: OwnDocument): string | undefined {
  const archive = value[hidden]
  const job = isObject(archive) ? archive['job'] : undefined
  return typeof job === 'string' ? job : undefined
}

/** Throws `not_found` for an export whose time is over. */
export function requireFresh({ value }: Pick<OwnDocument, 'value'>, nowMs: number): void {
  const ends = Date.parse(String(value['expires_at']))
  if (!(ends > nowMs)) throw new Problem('not_found', 'exports: has expired')
}

export function gone(): Problem {
  return new Problem('not_found', 'exports: not found')
}
