/**
 * What this process knows of the databases it has used: their numbers and their indexes. Never trusted blindly: every
 * statement checks that the number still exists and that the index list is current, and a stale entry is read again.
 */
import { databaseKey } from '../../src/model/database.ts'
import type { Json } from '../../src/model/json/value.ts'
import { Recent } from '../../src/model/recent.ts'
import type { CompiledIndex, DatabaseRef, IndexCompiler, IndexView } from '../documents/contract.ts'
import type { Sql, Transaction } from './connection.ts'

export interface KnownIndex extends CompiledIndex {
  readonly indexId: number
  readonly definition: string
  readonly ready: boolean
}

export interface KnownDatabase {
  readonly ref: DatabaseRef
  /** A bigint in decimal: postgres.js hands them over as text. */
  readonly db: string
  readonly indexEpoch: number
  readonly indexes: readonly KnownIndex[]
  readonly views: readonly IndexView[]
}

/** Databases, and definitions of indexes, that are remembered. */
const maxKnown = 20_000

interface DatabaseRow {
  readonly db: string
  readonly index_epoch: number
  readonly indexes: readonly { id: number; def: string; state: string }[] | null
  readonly views: readonly { ddoc: string; name: string; id: number }[] | null
}

export class DatabaseCache {
  readonly #known = new Recent<KnownDatabase>(maxKnown)
  readonly #compiled = new Recent<CompiledIndex>(maxKnown)

  readonly #sql: Sql
  readonly #compiler: IndexCompiler

  constructor(sql: Sql, compiler: IndexCompiler) {
    this.#sql = sql
    this.#compiler = compiler
  }

  /** From memory when possible; `undefined` when there is no such database. Absence is never remembered. */
  async find(ref: DatabaseRef): Promise<KnownDatabase | undefined> {
    return this.#known.get(databaseKey(ref)) ?? (await this.load(ref))
  }

  /** Synchronous look-up for the hot path. */
  peek(ref: DatabaseRef): KnownDatabase | undefined {
    return this.#known.get(databaseKey(ref))
  }

  forget(ref: DatabaseRef): void {
    this.#known.forget(databaseKey(ref))
  }

  /** Reads the database's row and indexes again. */
  async load(ref: DatabaseRef, sql: Sql | Transaction = this.#sql): Promise<KnownDatabase | undefined> {
    const [row] = await sql<DatabaseRow[]>`
      SELECT d.db, d.index_epoch,
        (SELECT json_agg(json_build_object('id', i.index_id, 'def', i.def, 'state', i.state) ORDER BY i.index_id)
         FROM indexes i WHERE i.db = d.db AND i.state <> 'dropping') AS indexes,
        (SELECT json_agg(json_build_object('ddoc', v.ddoc, 'name', v.name, 'id', v.index_id) ORDER BY v.ddoc, v.position)
         FROM index_views v WHERE v.db = d.db) AS views
      FROM databases d WHERE d.prefix = ${ref.prefix} AND d.name = ${ref.name}`
    if (!row) {
      this.forget(ref)
      return undefined
    }
    return this.#remember(ref, row)
  }

  /** The views that a design document's body defines. */
  definitions(body: Json): ReturnType<IndexCompiler['definitions']> {
    return this.#compiler.definitions(body)
  }

  /** Compiled once for each definition, however many databases share it. */
  compile(definition: string): CompiledIndex {
    let compiled = this.#compiled.get(definition)
    if (!compiled) {
      compiled = this.#compiler.compile(definition)
      this.#compiled.set(definition, compiled)
    }
    return compiled
  }

  #remember(ref: DatabaseRef, row: DatabaseRow): KnownDatabase {
    const indexes = (row.indexes ?? []).map((index): KnownIndex => {
      return { ...this.compile(index.def), indexId: index.id, definition: index.def, ready: index.state === 'ready' }
    })
    const views = (row.views ?? []).flatMap((view): IndexView[] => {
      const index = indexes.find((candidate) => candidate.indexId === view.id)
      if (!index) return []
      const { indexId, definition, ready } = index
      return [{ ddoc: view.ddoc, name: view.name, indexId, definition, ready }]
    })
    const known: KnownDatabase = { ref, db: row.db, indexEpoch: row.index_epoch, indexes, views }
    this.#known.set(databaseKey(ref), known)
    return known
  }
}
