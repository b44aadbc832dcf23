/**
 * The backup file: a gzipped POSIX tar that any tar program lists. `manifest.json` comes first, then every table as
 * numbered parts in PostgreSQL's COPY text format, then every object as `objects/NAME`, then `checksum.json`. Other names
 * are refused, so that an older Hearth never silently drops what a newer one saved.
 */
import { z } from 'zod'

/** Changes whenever an older Hearth could not read the file whole. */
export const formatVersion = 2

/** Largest part of a table in bytes: a part is held in memory while it is written. */
export const maxPartBytes = 8_000_000

export const manifestName = 'manifest.json'
export const checksumName = 'checksum.json'

/** The name of the part with this number, from 1. Sorted by name, parts are in order. */
export function partName(table: string, number: number): string {
  return `tables/${table}/${String(number).padStart(6, '0')}.copy`
}

const objectsFolder = 'objects/'

/** Keyword of the extended header that keeps an object's media type. */
export const contentTypeKeyword = 'HEARTH.content-type'

/** The name of an object's entry: what a tar program would take for a path out of the folder is percent-encoded. */
export function objectEntryName(name: string): string {
  const parts = name.split('/').map((part) => {
    const encoded = encodeURIComponent(part)
    return /^\.*$/.test(encoded) ? `%${encoded.replaceAll('.', '%2E')}` : encoded
  })
  return objectsFolder + parts.join('/')
}

/** The opposite; `undefined` when the entry is not an object. */
export function objectOfEntry(entry: string): string | undefined {
  if (!entry.startsWith(objectsFolder)) return undefined
  try {
    const parts = entry.slice(objectsFolder.length).split('/')
    // A single `%` in front marks an empty part or one of dots.
    return parts.map((part) => decodeURIComponent(/^%(%2E)*$/.test(part) ? part.slice(1) : part)).join('/')
  } catch {
    return undefined
  }
}

const name = z.string().regex(/^[a-z][a-z0-9_]*$/)
const count = z.number().int().nonnegative()
/** A bigint, as text: JSON numbers would lose digits. */
const bigint = z.string().regex(/^\d{1,19}$/)

const TableContents = z.object({ name, columns: z.array(name).min(1), rows: count })
const DatabaseContents = z.object({
  db: bigint,
  prefix: z.string(),
  name: z.string(),
  update_seq: bigint,
  doc_count: bigint,
  deleted_count: bigint,
})

/** The members that every version of the format has; of unknown versions only these are read. */
export const AnyManifest = z.object({ format: z.number().int().positive(), hearth: z.string() })

export const Manifest = AnyManifest.extend({
  created_at: z.iso.datetime(),
  /** Version of the PostgreSQL that the data came from. */
  postgres: z.string(),
  /** Version of the tables' schema. */
  schema: z.number().int().positive(),
  /** The highest number that a database ever had: numbers are never used twice. */
  last_database: bigint,
  tables: z.array(TableContents),
  databases: z.array(DatabaseContents),
})

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

export const Checksums = z.object({
  /** SHA-256 of `manifest.json`. */
  manifest: sha256,
  /** SHA-256 of each table's parts, one after the other. */
  tables: z.record(name, sha256),
  /** For each table of revisions a sum over (database, id, generation, hash) that does not depend on their order. */
  revisions: z.record(name, z.string().regex(/^-?\d+$/)),
  objects: z.object({
    count,
    /** SHA-256 over `objectLine` of each object, in the file's order. */
    sha256,
  }),
})

/** What an object adds to the checksum: its name, size, md5 and media type. */
export function objectLine(object: ObjectFacts): string {
  return `${JSON.stringify([object.name, object.size, object.md5, object.contentType])}\n`
}

export interface ObjectFacts {
  readonly name: string
  readonly size: number
  readonly md5: string
  readonly contentType: string
}

export type Manifest = z.infer<typeof Manifest>
export type Checksums = z.infer<typeof Checksums>
