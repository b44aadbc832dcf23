/**
 * Reads by the shape of the tree. One statement each, over `file_nodes`, which follows the documents by triggers.
 * `LATERAL ... OFFSET 0` is one look-up by key for each row, whatever the planner believes (see trees.ts).
 */
import type postgres from 'postgres'
import type { StoredDocument } from '../../documents/contract.ts'
import {
  type ChildrenPage,
  type FilesReader,
  filesDoctype,
  type ReferencesPage,
  type Usage,
  versionsDoctype,
} from '../../files/contract.ts'
import type { Sql, Transaction } from '../connection.ts'
import { documentOf, type ReadRow } from '../read-queue.ts'

type Fragment = postgres.PendingQuery<postgres.Row[]>

/** Where to read: a pool or a transaction, and the numbers of a tenant's two databases as expressions. */
export interface FilesSource {
  readonly sql: Sql | Transaction
  readonly files: () => Fragment
  readonly versions: () => Fragment
  /** Every statement passes through: translation of errors outside of transactions. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
}

/** The tenant's numbers looked up by each statement itself: a tenant without databases has nothing. */
export function sourceOf(sql: Sql, prefix: string, run: FilesSource['run']): FilesSource {
  const number = (name: string) => sql`(SELECT db FROM databases WHERE prefix = ${prefix} AND name = ${name})`
  return { sql, files: () => number(filesDoctype), versions: () => number(versionsDoctype), run }
}

/** All of a document, for `documentOf`. */
const columns = (sql: Sql | Transaction) =>
  sql`x.id, x.gen, x.hash, x.deleted, x.leaves, x.seq, coalesce(x.raw, x.body::text)`

export function newFilesReader({ sql, files, versions, run }: FilesSource): FilesReader {
  const db = files
  /** The documents of the nodes that a query gives, in its order. */
  const documents = (nodes: Fragment, order = sql``) =>
    run(async () => {
      const rows = await sql`
        SELECT ${columns(sql)} FROM (${nodes}) n
        CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db()} AND id = n.id AND NOT deleted OFFSET 0) x ${order}`.values()
      return documentsOf(rows as unknown as Row[])
    })
  const count = (query: Fragment) => run(async () => Number((await query)[0]?.['n'] ?? 0))

  return {
    byIds: async (ids) => {
      const known = ids.filter(storable)
      return known.length === 0 ? [] : documents(sql`SELECT id FROM unnest(${known}::text[]) AS t (id)`)
    },
    byName: async (dirId, name) =>
      storable(dirId + name)
        ? documents(sql`SELECT id FROM file_nodes WHERE db = ${db()} AND dir_id = ${dirId} AND name = ${name}`)
        : [],
    byPath: async (path) =>
      storable(path)
        ? documents(sql`
            SELECT id FROM file_nodes WHERE db = ${db()} AND kind = 0 AND md5(path) = md5(${path}) AND path = ${path}`)
        : [],
    children: async (dirId, page) => (storable(dirId) ? documents(childrenOf(sql, db, dirId, page), inOrder(sql)) : []),
    countChildren: async (dirId, except) =>
      storable(dirId)
        ? count(sql`
            SELECT count(*) AS n FROM file_nodes
            WHERE db = ${db()} AND dir_id = ${dirId} AND id <> ${except ?? ''}`)
        : 0,
    ancestors: async (id) => (storable(id) ? run(() => ancestorsOf(sql, db, id)) : []),
    descendants: async (dirId, { kind, after, limit }) =>
      storable(dirId + (after ?? ''))
        ? documents(
            sql`
              ${directoriesUnder(sql, db, dirId)}
              SELECT n.id FROM directories d
              CROSS JOIN LATERAL (SELECT id, kind FROM file_nodes WHERE db = ${db()} AND dir_id = d.id OFFSET 0) n
              WHERE n.id <> ${dirId} AND n.id > ${after ?? ''}
                ${kind === undefined ? sql`` : sql`AND n.kind = ${kind === 'directory' ? 0 : 1}`}
              ORDER BY n.id LIMIT ${limit}`,
            sql`ORDER BY x.id`,
          )
        : [],
    sizeBelow: async (dirId) =>
      storable(dirId)
        ? count(sql`
            ${directoriesUnder(sql, db, dirId)}
            SELECT coalesce(sum(n.size), 0) AS n FROM directories d
            CROSS JOIN LATERAL (SELECT size FROM file_nodes WHERE db = ${db()} AND dir_id = d.id AND kind = 1 OFFSET 0) n`)
        : 0,
    namesLike: async (dirId, beginning) => {
      if (!storable(dirId + beginning)) return []
      const rows = await run(
        () => sql<{ name: string }[]>`
          SELECT name FROM file_nodes
          WHERE db = ${db()} AND dir_id = ${dirId} AND name >= ${beginning} AND name < ${beginning} || chr(1114111)`,
      )
      return rows.map(({ name }) => name)
    },
    versions: async (fileId) => {
      if (!storable(fileId)) return []
      const rows = await run(
        () =>
          sql`
            SELECT ${columns(sql)} FROM docs x
            WHERE x.db = ${versions()} AND x.id > ${`${fileId}/`} AND x.id < ${`${fileId}0`} AND NOT x.deleted
            ORDER BY x.body ->> 'updated_at' DESC, x.id DESC`.values() as unknown as Promise<Row[]>,
      )
      return documentsOf(rows)
    },
    versionsOf: async (fileIds) => {
      const known = fileIds.filter(storable)
      if (known.length === 0) return []
      const rows = await run(
        () =>
          sql`
            SELECT ${columns(sql)} FROM unnest(${known}::text[]) AS t (id)
            CROSS JOIN LATERAL (
              SELECT * FROM docs
              WHERE db = ${versions()} AND id > t.id || '/' AND id < t.id || '0' AND NOT deleted OFFSET 0
            ) x`.values() as unknown as Promise<Row[]>,
      )
      return documentsOf(rows)
    },
    references: async (page) => (storable(page.type + page.id) ? run(() => referencesOf(sql, db, page)) : []),
    countReferences: async (type, id) =>
      storable(type + id)
        ? count(sql`SELECT count(*) AS n FROM file_references WHERE db = ${db()} AND type = ${type} AND ref = ${id}`)
        : 0,
    usage: () =>
      run(async (): Promise<Usage> => {
        const [row] = await sql<{ files: string; versions: string }[]>`
          SELECT files, versions FROM file_usage WHERE db = ${db()}`
        return { files: Number(row?.files ?? 0), versions: Number(row?.versions ?? 0) }
      }),
  }
}

/** No text of PostgreSQL holds U+0000, so nothing is found for one that does. */
function storable(text: string): boolean {
  return !text.includes('\u0000')
}

type Row = [id: string, ...ReadRow]

function documentsOf(rows: readonly Row[]): StoredDocument[] {
  return rows.flatMap(([id, ...row]) => documentOf(id, row) ?? [])
}

function childrenOf(
  sql: Sql | Transaction,
  db: () => Fragment,
  dirId: string,
  { after, skip = 0, limit, except }: ChildrenPage,
): Fragment {
  const behind =
    after === undefined
      ? sql``
      : sql`AND (kind, name COLLATE couch, id) > (${after.kind === 'directory' ? 0 : 1}, ${after.name}, ${after.id})`
  return sql`
    SELECT id, kind, name FROM file_nodes
    WHERE db = ${db()} AND dir_id = ${dirId} AND id <> ${except ?? ''} ${behind}
    ORDER BY kind, name COLLATE couch, id LIMIT ${limit} OFFSET ${skip}`
}

const inOrder = (sql: Sql | Transaction) => sql`ORDER BY n.kind, n.name COLLATE couch, n.id`

/**
 * The directory itself and all directories below; UNION ends cycles. `kind < 1` and not `= 0`, which would let the index
 * by path serve: without statistics of a tree that was made just now the planner takes that one, and reads all of it for
 * each directory.
 */
function directoriesUnder(sql: Sql | Transaction, db: () => Fragment, dirId: string): Fragment {
  return sql`
    WITH RECURSIVE directories (id) AS (
      SELECT ${dirId}::text COLLATE "C"
      UNION
      SELECT n.id FROM directories d
      CROSS JOIN LATERAL (SELECT id FROM file_nodes WHERE db = ${db()} AND dir_id = d.id AND kind < 1 OFFSET 0) n
    )`
}

async function ancestorsOf(sql: Sql | Transaction, db: () => Fragment, id: string): Promise<readonly string[]> {
  const rows = await sql<{ id: string }[]>`
    WITH RECURSIVE above (id, next, depth, seen) AS (
      SELECT n.id, n.dir_id, 0, ARRAY[n.id] FROM file_nodes n WHERE n.db = ${db()} AND n.id = ${id}
      UNION ALL
      SELECT n.id, n.dir_id, a.depth + 1, a.seen || n.id FROM above a
      CROSS JOIN LATERAL (SELECT * FROM file_nodes WHERE db = ${db()} AND id = a.next OFFSET 0) n
      WHERE n.id <> ALL (a.seen)
    ) SELECT id FROM above WHERE depth > 0 ORDER BY depth`
  return rows.map((row) => row.id)
}

async function referencesOf(sql: Sql | Transaction, db: () => Fragment, page: ReferencesPage) {
  const descending = page.sort.startsWith('-')
  const byDate = page.sort.endsWith('datetime')
  const { after } = page
  const behind =
    after === undefined
      ? sql``
      : byDate
        ? descending
          ? sql`AND (at, id) < (${after.at}, ${after.id})`
          : sql`AND (at, id) > (${after.at}, ${after.id})`
        : descending
          ? sql`AND id < ${after.id}`
          : sql`AND id > ${after.id}`
  const order = byDate ? (descending ? sql`at DESC, id DESC` : sql`at, id`) : descending ? sql`id DESC` : sql`id`
  const rows = (await sql`
    SELECT n.at, ${columns(sql)} FROM (
      SELECT id, at, row_number() OVER () AS o FROM (
        SELECT id, at FROM file_references
        WHERE db = ${db()} AND type = ${page.type} AND ref = ${page.id} ${behind} ORDER BY ${order} LIMIT ${page.limit}
      ) p
    ) n
    CROSS JOIN LATERAL (SELECT * FROM docs WHERE db = ${db()} AND id = n.id AND NOT deleted OFFSET 0) x
    ORDER BY n.o`.values()) as unknown as [string, ...Row][]
  return rows.flatMap(([at, id, ...row]) => {
    const document = documentOf(id, row)
    return document ? [{ ...document, at }] : []
  })
}
