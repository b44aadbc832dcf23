/**
 * One transaction on a tenant's files. The rows of its two databases are locked first, ascending, as every writer of
 * documents does: so no one else writes files of this tenant until it ends, in any process.
 */
import { emptyBody } from '../../../src/model/body.ts'
import { Problem } from '../../../src/model/errors.ts'
import type { DatabaseRef, Edit, RevisionId } from '../../documents/contract.ts'
import { type FileEdit, type FilesTransaction, filesDoctype, versionsDoctype } from '../../files/contract.ts'
import type { Transaction } from '../connection.ts'
import type { DatabaseCache, KnownDatabase } from '../database-cache.ts'
import { writeTreesIn } from '../tree-edits.ts'
import { writeBatch } from '../write-batch.ts'
import { fileSize } from './file-size.ts'
import { newFilesReader } from './reader.ts'

/** The tenant's two databases, locked. */
export interface LockedFiles {
  readonly files: KnownDatabase
  readonly versions: KnownDatabase
  readonly isNew: boolean
}

/** Locks the tenant's databases, ascending, and makes those that are missing. */
export async function lockFiles(tx: Transaction, databases: DatabaseCache, prefix: string): Promise<LockedFiles> {
  const lock = () => tx<{ name: string }[]>`
    SELECT name FROM databases WHERE prefix = ${prefix} AND name IN (${filesDoctype}, ${versionsDoctype})
    ORDER BY db FOR NO KEY UPDATE`
  let isNew = false
  if ((await lock()).length < 2) {
    const made = await tx`
      INSERT INTO databases (prefix, name)
      SELECT ${prefix}, name FROM unnest(${[filesDoctype, versionsDoctype]}::text[]) AS t (name)
      ON CONFLICT (prefix, name) DO NOTHING RETURNING name`
    isNew = made.some((row) => row['name'] === filesDoctype)
    // Those that someone else has just made.
    await lock()
  }
  const files = await databases.load({ prefix, name: filesDoctype }, tx)
  const versions = await databases.load({ prefix, name: versionsDoctype }, tx)
  if (!files || !versions) throw new Problem('store_unavailable', 'The files of this instance were removed just now.')
  return { files, versions, isNew }
}

export function newFilesTransaction(tx: Transaction, databases: DatabaseCache, locked: LockedFiles): FilesTransaction {
  const { files, versions, isNew } = locked
  const databaseOf = (edit: FileEdit) => (edit.doctype === filesDoctype ? files : versions)
  const reader = newFilesReader({
    sql: tx,
    files: () => tx`${files.db}::bigint`,
    versions: () => tx`${versions.db}::bigint`,
    run: (work) => work(),
  })

  return {
    ...reader,
    isNew,
    async write(edits) {
      if (edits.length === 0) return []
      const before = edits.some((edit) => edit.parent !== undefined) ? await sizeOf(tx, locked, edits) : nothing
      const revisions = await writeAll(
        tx,
        databases,
        edits.map((edit) => ({ edit, database: databaseOf(edit) })),
      )
      const after = sizesWritten(edits)
      const grown = { files: after.files - before.files, versions: after.versions - before.versions }
      if (grown.files !== 0 || grown.versions !== 0) {
        await tx`
          INSERT INTO file_usage AS u (db, files, versions) VALUES (${files.db}, ${grown.files}, ${grown.versions})
          ON CONFLICT (db) DO UPDATE SET files = u.files + excluded.files, versions = u.versions + excluded.versions`
      }
      return revisions
    },
    async keep(objects) {
      if (objects.length === 0) return
      const kept = await tx`DELETE FROM object_ledger WHERE name = ANY (${[...objects]}::text[]) AND NOT taken`
      if (kept.count < objects.length) {
        throw new Problem('store_unavailable', 'The upload took too long and its content was discarded.')
      }
    },
    async discard(objects) {
      if (objects.length === 0) return
      await tx`
        INSERT INTO object_ledger (name, due) SELECT name, now() FROM unnest(${[...objects]}::text[]) AS t (name)
        ON CONFLICT (name) DO UPDATE SET due = excluded.due`
    },
  }
}

interface Sizes {
  readonly files: number
  readonly versions: number
}

const nothing: Sizes = { files: 0, versions: 0 }

/** What the documents of `edits` take now. */
async function sizeOf(tx: Transaction, { files, versions }: LockedFiles, edits: readonly FileEdit[]): Promise<Sizes> {
  const idsOf = (doctype: FileEdit['doctype']) =>
    edits.filter((edit) => edit.doctype === doctype && edit.parent !== undefined).map((edit) => edit.id)
  const sum = (db: string, ids: readonly string[]) => tx`
    SELECT coalesce(sum(hearth_file_size(x.body)), 0) FROM unnest(${[...ids]}::text[]) AS t (id)
    CROSS JOIN LATERAL (SELECT body FROM docs WHERE db = ${db} AND id = t.id AND NOT deleted OFFSET 0) x`
  const [row] = await tx<{ files: string; versions: string }[]>`
    SELECT (${sum(files.db, idsOf(filesDoctype))}) AS files,
      (${sum(versions.db, idsOf(versionsDoctype))}) AS versions`
  return { files: Number(row?.files ?? 0), versions: Number(row?.versions ?? 0) }
}

/** What they take afterwards. */
function sizesWritten(edits: readonly FileEdit[]): Sizes {
  const sum = (doctype: FileEdit['doctype']) =>
    edits.filter((edit) => edit.doctype === doctype).reduce((total, { body }) => total + fileSize(body?.value), 0)
  return { files: sum(filesDoctype), versions: sum(versionsDoctype) }
}

interface Placed {
  readonly edit: FileEdit
  readonly database: KnownDatabase
}

/** All or none. A document with conflicting revisions takes the way over its whole tree. */
async function writeAll(
  tx: Transaction,
  databases: DatabaseCache,
  placed: readonly Placed[],
): Promise<readonly RevisionId[]> {
  const batch = placed.map(({ edit, database }) => ({ edit: editOf(edit, database.ref), database }))
  const first = await writeBatch(tx, batch, { atomic: false, repeated: false })
  const edits = batch.map(({ edit }) => edit)
  const outcomes = await writeTreesIn(tx, databases, edits, first)
  return outcomes.map((outcome, at) => {
    if (outcome.kind === 'ok') return outcome.rev
    throw new Problem('conflict', `Document update conflict: ${edits[at]?.id}`)
  })
}

function editOf({ id, parent, body }: FileEdit, ref: DatabaseRef): Edit {
  return { ref, id, parent, deleted: body === undefined, body: body ?? emptyBody, unknownParent: 'refuse' }
}
