/**
 * Writes documents behind a server's back, through its store: what a test of checks and repairs damages on
 * purpose. As a program it takes one order as JSON on stdin (`{op, domain, doctype, id, doc}`; `op` is put, merge, del, tree,
 * get, all, createdb or dropdb; `domain` null means the server's own documents), works on the database of
 * HEARTH_DATA_DIR or HEARTH_DATABASE_URL, and prints the document or an empty object. 77: it cannot do that.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepareDocument } from '../../../src/documents/document.ts'
import { indexCompiler } from '../../../src/documents/mango/index-compiler.ts'
import { membersOf, readDocument, writeDocument } from '../../../src/instances/own-documents.ts'
import { findRecord } from '../../../src/instances/records.ts'
import { parseJson } from '../../../src/model/json/exact.ts'
import type { Json, JsonObject } from '../../../src/model/json/value.ts'
import type { DatabaseRef, DocumentStore } from '../../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../../storage/postgres/documents.ts'
import { databaseName, databaseUser } from '../../../storage/postgres/embedded/cluster.ts'

export interface RawOrder {
  readonly op: 'put' | 'merge' | 'del' | 'tree' | 'get' | 'all' | 'createdb' | 'dropdb'
  /** `null`: the server's own documents. */
  readonly domain: string | null
  readonly doctype: string
  readonly id: string
  readonly doc: JsonObject
}

/** Names of the recording for documents of the server that have other names here. */
const renamed: Readonly<Record<string, string>> = { 'io.cozy.instances': 'instances' }

export interface RawWriter {
  /** Returns the document, or rows of all documents; an empty object for anything else. */
  run(order: RawOrder): Promise<Json>
  close(): Promise<void>
}

type Target = Parameters<typeof openPostgresDocuments>[0]['target']

/** Opens the database of a running server. */
export async function openRawWriter(target: Target): Promise<RawWriter> {
  const store = await openPostgresDocuments({
    target,
    maxConnections: 2,
    compiler: indexCompiler,
    sweepEveryMs: 0,
    compactEveryMs: 0,
  })
  return { run: (order) => runOrder(store, order), close: () => store.close() }
}

async function runOrder(store: DocumentStore, order: RawOrder): Promise<Json> {
  const { op, id, doc } = order
  const ref = await refOf(store, order)
  const found = await readDocument(store, ref, id).catch(() => undefined)
  const { _id, _rev, ...members } = doc
  const write = async (value: JsonObject | undefined) => {
    const outcome = await writeDocument(store, { ref, id, parent: found, ...(value === undefined ? {} : { value }) })
    if (outcome !== 'ok') throw new Error(`${op} of ${ref.name}/${id}: ${outcome}`)
    return {}
  }
  switch (op) {
    case 'createdb':
      await store.createDatabase(ref)
      return {}
    case 'dropdb':
      await store.dropDatabase(ref)
      return {}
    case 'get':
      return found === undefined ? {} : { ...found.value, _id: id, _rev: `${found.gen}-${found.hash}` }
    case 'all': {
      const rows = await store.scanIds(ref, { descending: false, skip: 0, limit: 10_000, bodies: true })
      return {
        total_rows: rows.length,
        rows: rows.map((row) => ({ id: row.id, key: row.id, doc: { ...membersOf(row.text), _id: row.id } })),
      }
    }
    case 'del':
      return write(undefined)
    case 'merge': {
      const kept = Object.entries({ ...found?.value, ...members }).filter(([, value]) => value !== '<delete>')
      return write(Object.fromEntries(kept))
    }
    case 'put':
      await store.createDatabase(ref)
      return write(members)
    case 'tree': {
      await store.createDatabase(ref)
      const text = JSON.stringify({ ...doc, _id: id })
      const prepared = prepareDocument(parseJson(text), { maxBytes: 8_000_000 })
      const { rev, revisions, deleted, body } = prepared
      if (rev === undefined && revisions === undefined) throw new Error('a tree needs _rev or _revisions')
      const history = revisions
        ? { gen: revisions.start, path: revisions.ids }
        : { gen: rev?.gen ?? 1, path: [rev?.hash ?? ''] }
      // Past the engine, which writes no files: they have an API of their own.
      await store.replicate(ref, [{ id, deleted, body, ...history }])
      return {}
    }
  }
}

async function refOf(store: DocumentStore, { domain, doctype }: RawOrder): Promise<DatabaseRef> {
  if (domain === null) return { prefix: 'global', name: renamed[doctype] ?? doctype }
  const record = await findRecord(store, domain)
  if (record === undefined) throw new Error(`there is no instance ${domain}`)
  return { prefix: record.instance.prefix, name: doctype }
}

/** The database of a data directory's own PostgreSQL. */
export function targetOf(dataDir: string): Target {
  const [, , , port, folder = ''] = readFileSync(join(dataDir, 'pg/18/data/postmaster.pid'), 'utf8').split('\n')
  return { host: folder.trim(), port: Number(port), database: databaseName, user: databaseUser }
}

if (import.meta.main) {
  const { HEARTH_DATABASE_URL: url, HEARTH_DATA_DIR: dataDir = '' } = process.env
  const writer = await openRawWriter(url ?? targetOf(dataDir))
  try {
    const order = JSON.parse(readFileSync(0, 'utf8')) as RawOrder
    process.stdout.write(JSON.stringify(await writer.run(order)))
  } finally {
    await writer.close()
  }
}
