/** PouchDB 9, unmodified: as much of its types as the tests use, and databases that are gone with the test. */
// @ts-expect-error it ships no types
import http from 'pouchdb-adapter-http'
// @ts-expect-error it ships no types
import memory from 'pouchdb-adapter-memory'
// @ts-expect-error it ships no types
import core from 'pouchdb-core'
// @ts-expect-error it ships no types
import find from 'pouchdb-find'
// @ts-expect-error it ships no types
import replication from 'pouchdb-replication'

export interface Doc extends Record<string, unknown> {
  readonly _id: string
  readonly _rev?: string
}

export interface Stored extends Doc {
  readonly _rev: string
  readonly _revisions?: { readonly start: number; readonly ids: readonly string[] }
  readonly _conflicts?: readonly string[]
  readonly _deleted?: boolean
}

export interface Written {
  readonly ok: boolean
  readonly id: string
  readonly rev: string
}

export interface Failure {
  readonly error: true | string
  readonly status: number
  readonly name: string
  readonly reason?: string
}

export interface Row {
  readonly id: string
  readonly key: string
  readonly value: { readonly rev: string; readonly deleted?: boolean }
  readonly doc?: Stored
  readonly error?: string
}

export interface Change {
  readonly id: string
  readonly seq: string | number
  readonly changes: readonly { readonly rev: string }[]
  readonly deleted?: boolean
  readonly doc?: Stored
}

export interface Progress {
  readonly ok: boolean
  readonly docs_read: number
  readonly docs_written: number
  readonly doc_write_failures: number
  readonly last_seq: string | number
  readonly errors: readonly unknown[]
}

export interface ReplicationOptions {
  readonly live?: boolean
  readonly retry?: boolean
  readonly doc_ids?: readonly string[]
  readonly selector?: object
  readonly filter?: (doc: Readonly<Record<string, unknown>>) => boolean
  readonly since?: string | number
  readonly batch_size?: number
  readonly batches_limit?: number
  readonly back_off_function?: (delay: number) => number
}

export interface Replication<Result> extends PromiseLike<Result> {
  on(event: string, handler: (what: Record<string, unknown>) => void): Replication<Result>
  cancel(): void
  catch(handler: (error: unknown) => void): Promise<unknown>
}

export interface Pouch {
  readonly name: string
  readonly replicate: {
    to(target: Pouch, options?: ReplicationOptions): Replication<Progress>
    from(source: Pouch, options?: ReplicationOptions): Replication<Progress>
  }
  sync(other: Pouch, options?: ReplicationOptions): Replication<{ readonly push: Progress; readonly pull: Progress }>
  info: () => Promise<{ readonly doc_count: number; readonly update_seq: string | number; readonly db_name: string }>
  put(doc: Doc, options?: { readonly force?: boolean }): Promise<Written>
  post(doc: object): Promise<Written>
  get(
    id: string,
    options?: {
      readonly rev?: string
      readonly revs?: boolean
      readonly conflicts?: boolean
      readonly latest?: boolean
    },
  ): Promise<Stored>
  get(
    id: string,
    options: { readonly open_revs: 'all' | readonly string[] },
  ): Promise<readonly { readonly ok: Stored }[]>
  remove(doc: Stored): Promise<Written>
  remove(id: string, rev: string): Promise<Written>
  bulkDocs(docs: readonly Doc[], options?: { readonly new_edits: boolean }): Promise<readonly (Written | Failure)[]>
  bulkGet(asked: {
    readonly docs: readonly { readonly id: string; readonly rev?: string }[]
    readonly revs?: boolean
  }): Promise<{
    readonly results: readonly {
      readonly id: string
      readonly docs: readonly { readonly ok?: Stored; readonly error?: Failure }[]
    }[]
  }>
  allDocs(
    options?: object,
  ): Promise<{ readonly total_rows: number; readonly offset: number; readonly rows: readonly Row[] }>
  changes(options: object): Promise<{ readonly results: readonly Change[]; readonly last_seq: string | number }>
  revsDiff(
    asked: Readonly<Record<string, readonly string[]>>,
  ): Promise<Readonly<Record<string, { readonly missing: readonly string[] }>>>
  find(
    query: object,
  ): Promise<{ readonly docs: readonly Stored[]; readonly warning?: string; readonly bookmark?: string }>
  createIndex(index: object): Promise<{ readonly result: string; readonly id: string; readonly name: string }>
  getIndexes(): Promise<{ readonly indexes: readonly { readonly ddoc: string | null; readonly name: string }[] }>
  deleteIndex(index: object): Promise<{ readonly ok: boolean }>
  explain(query: object): Promise<{ readonly index: { readonly name: string } }>
  destroy(): Promise<unknown>
  close(): Promise<void>
}

const PouchDB = core.plugin(http).plugin(memory).plugin(replication).plugin(find) as new (
  name: string,
  options?: object,
) => Pouch

let names = 0

/** A database in this process's memory. */
export function openLocal(): Pouch {
  names += 1
  return new PouchDB(`local-${names}`, { adapter: 'memory', revs_limit: 1_000 })
}

/** A database on a server, by a plain URL that holds the token. */
export function openRemote(url: string, options: { readonly skip_setup?: boolean } = {}): Pouch {
  return new PouchDB(url, { adapter: 'http', ...options })
}

/** Everything that replication carries: each leaf of each document with its history and its body, in a fixed order. */
export async function contents(db: Pouch): Promise<readonly object[]> {
  const { results } = await db.changes({ since: 0, style: 'all_docs' })
  const asked = results.flatMap(({ id, changes }) => changes.map(({ rev }) => ({ id, rev })))
  const leaves: Stored[] = []
  for (let at = 0; at < asked.length; at += 500) {
    const read = await db.bulkGet({ docs: asked.slice(at, at + 500), revs: true })
    for (const { id, docs } of read.results) {
      for (const { ok, error } of docs) {
        if (!ok) throw new Error(`${id} cannot be read: ${JSON.stringify(error)}`)
        leaves.push(ok)
      }
    }
  }
  const { rows } = await db.allDocs({ keys: results.map(({ id }) => id) })
  const winners = rows.map(({ id, value }) => ({ id, winner: value.rev, deleted: value.deleted ?? false }))
  return [...leaves.sort(byName((leaf) => `${leaf._id} ${leaf._rev}`)), ...winners.sort(byName(({ id }) => id))]
}

function byName<T>(name: (one: T) => string): (a: T, b: T) => number {
  return (a, b) => (name(a) < name(b) ? -1 : 1)
}

/** What a call failed with. */
export async function failure(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('the call succeeded')
}

/** Waits until `check` no longer throws; throws what it threw last after `ms`. */
export async function eventually(check: () => Promise<void>, ms = 15_000): Promise<void> {
  const deadline = Date.now() + ms
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await Bun.sleep(50)
    }
  }
}
