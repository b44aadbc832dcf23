/** Exports as routes see them: ordered, described and given out part by part. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { writeZip } from '../archive/zip-writer.ts'
import type { OwnDocument } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import type { Job, JobQueue } from '../jobs/service.ts'
import { Problem } from '../model/errors.ts'
import type { JsonObject } from '../model/json/value.ts'
import { version } from '../version.ts'
import type { ExportOrder } from './export.ts'
import {
  type ArchivePart,
  archiveOf,
  exportsOf,
  gone,
  hasArchive,
  readExport,
  requireFresh,
} from './export-document.ts'
import { exportIdentifier, exportOf } from './identifier.ts'
import { entriesOf } from './listing.ts'

export interface Part {
  /** Of the file that a person saves. */
  readonly name: string
  /** Bytes. */
  readonly length: number
  /** Strong: equal ones mean equal bytes. */
  readonly etag: string
  /** The bytes from `start` to `end`, both included. What lies before them is made again and thrown away. */
  bytes(range?: { readonly start: number; readonly end: number }): AsyncGenerator<Uint8Array>
}

export interface Exports {
  /** Queues the making of an archive. */
  order(instance: Instance, order: ExportOrder): Promise<Job>
  /** The export that an identifier of the instance opens. @throws Problem `bad_request`, `unauthorized`, `not_found` */
  find(instance: Instance, identifier: string): Promise<OwnDocument>
  /** The same by its id, for operators. */
  byId(instance: Instance, id: string): Promise<OwnDocument>
  /** One part. Without a cursor the first. @throws Problem `not_found`, and `bad_request` for a cursor that is none of it */
  part(found: OwnDocument, cursor: string | undefined): Part
  /** What can be downloaded of an export, in order; nothing while it is being made, and when it is gone. */
  parts(found: OwnDocument): readonly ListedPart[]
  /** All exports of an instance, the newest first. */
  list(instance: Instance): Promise<readonly OwnDocument[]>
  identifier(instance: Instance, id: string): string
}

export interface ListedPart extends Pick<Part, 'name' | 'length' | 'etag'> {
  /** `undefined` for the first part. */
  readonly cursor: string | undefined
}

export interface ExportsOptions {
  readonly store: Pick<DocumentStore, 'read' | 'write' | 'createDatabase' | 'scanIds'>
  readonly objects: Pick<ObjectStore, 'get'>
  readonly jobs: JobQueue
}

export function openExports({ store, objects, jobs }: ExportsOptions): Exports {
  async function byId(instance: Instance, id: string): Promise<OwnDocument> {
    const found = await readExport(store, id)
    if (found === undefined || found.value['domain'] !== instance.domain) throw gone()
    requireFresh(found, Date.now())
    return found
  }
  return {
    byId,
    order: ({ prefix, domain }, order) =>
      jobs.push({ tenant: { prefix, domain }, worker: 'export', message: order as JsonObject }),
    find: (instance, identifier) => byId(instance, exportOf(instance, identifier, Date.now())),
    identifier: (instance, id) => exportIdentifier(instance, id, Date.now()),
    part(found, cursor) {
      const parts = archiveOf(found, Date.now())
      const cursors = cursorsOf(found)
      const number = cursor === undefined ? 0 : cursors.indexOf(cursor) + 1
      const part = parts[number]
      if (part === undefined || (cursor !== undefined && number === 0)) {
        throw new Problem('bad_request', 'export: cursor is invalid')
      }
      return {
        ...described(found, parts, number),
        bytes: (range) =>
          within(writeZip(entriesOf(objects, part.object)), range ?? { start: 0, end: part.length - 1 }),
      }
    },
    parts(found) {
      if (!hasArchive(found, Date.now())) return []
      const parts = archiveOf(found, Date.now())
      const cursors = [undefined, ...cursorsOf(found)]
      return parts.map((_, number) => ({ ...described(found, parts, number), cursor: cursors[number] }))
    },
    async list({ domain }) {
      const made = ({ value }: OwnDocument) => Date.parse(String(value['created_at']))
      return [...(await exportsOf(store, domain))].sort((a, b) => made(b) - made(a))
    },
  }
}

function cursorsOf({ value }: OwnDocument): readonly string[] {
  const listed = value['parts_cursors']
  return Array.isArray(listed) ? listed.map(String) : []
}

function described({ id }: OwnDocument, parts: readonly ArchivePart[], number: number) {
  const numbered = parts.length === 1 ? 'My Cozy' : `My Cozy - part${String(number).padStart(3, '0')}`
  // Another version may pack the same contents otherwise.
  return { name: `${numbered}.zip`, length: parts[number]?.length ?? 0, etag: `"${id}-${number}-${version}"` }
}

async function* within(
  bytes: AsyncGenerator<Uint8Array>,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const chunk of bytes) {
    const [from, to] = [Math.max(0, start - at), Math.min(chunk.length, end + 1 - at)]
    at += chunk.length
    if (to > from) yield from === 0 && to === chunk.length ? chunk : chunk.slice(from, to)
    if (at > end) return
  }
}
