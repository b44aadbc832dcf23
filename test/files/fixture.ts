/** The file system over a real PostgreSQL and a folder of objects, with a clock that tests can move. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { openFiles } from '../../src/files/files.ts'
import { type Directory, rootId } from '../../src/files/node.ts'
import type { Bytes, Drive, Files } from '../../src/files/service.ts'
import { silentLog } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { openFolderObjects } from '../../storage/objects/folder/folder-objects.ts'
import { openPostgresDocuments, type PostgresStore } from '../../storage/postgres/documents.ts'
import { embedded, plainSql } from '../conformance/postgres-targets.ts'

export interface FilesUnderTest {
  readonly files: Files
  readonly store: PostgresStore
  readonly objects: ObjectStore
  /** Milliseconds since 1970; tests move it. */
  readonly clock: { ms: number }
  /** A drive without files. */
  newDrive(settings?: Partial<Drive>): Drive
  /** Names of the objects of a drive, without its prefix. */
  objectNames(drive: Drive): Promise<readonly string[]>
  /** Lets every lease and every pause of the ledger run out. */
  passLedgerTime(): Promise<void>
  close(): Promise<void>
}

export async function openFilesUnderTest(): Promise<FilesUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-files-'))
  const target = await embedded.createDatabase()
  const store = await openPostgresDocuments({ target, maxConnections: 8, compiler: indexCompiler, sweepEveryMs: 0 })
  const objects = await openFolderObjects(folder)
  const clock = { ms: Date.parse('2026-03-01T12:00:00Z') }
  const files = openFiles({ store: store.files, objects, log: silentLog, now: () => clock.ms })
  let drives = 0
  return {
    files,
    store,
    objects,
    clock,
    newDrive: (settings = {}) => ({
      prefix: `tenant${++drives}`,
      pageUrl: 'https://alice.example/',
      quota: undefined,
      versioning: { max: 20, minDelayMs: 15 * 60_000 },
      actor: {},
      locale: 'en',
      ...settings,
    }),
    async objectNames({ prefix }) {
      const page = await objects.list(`cozy-v3-${prefix}/`, { limit: 1000 })
      return page.objects.map(({ name }) => name.slice(`cozy-v3-${prefix}/`.length))
    },
    async passLedgerTime() {
      const sql = plainSql(target)
      await sql`UPDATE object_ledger SET due = now()`
      await sql.end()
    },
    async close() {
      await files.close()
      await objects.close()
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Bytes as they come from a client, in several pieces. */
export async function* bytesOf(text: string, pieces = 3): Bytes {
  const bytes = new TextEncoder().encode(text)
  const size = Math.max(1, Math.ceil(bytes.length / pieces))
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Resolves to the `Problem` that a call is refused with, in short: status, reason and where. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'accepted'
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { status, reason, source } = error
    const parameter = source !== undefined && 'parameter' in source ? [source.parameter] : []
    return [status, reason, ...parameter].join(' | ')
  }
}

export async function textOf(files: Files, drive: Drive, content: Parameters<Files['open']>[1]): Promise<string> {
  return new Response((await files.open(drive, content)).body).text()
}

/** Paths of everything below a directory, sorted; those of directories end in `/`. */
export async function treeOf(files: Files, drive: Drive, id = rootId): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const { node, path } of files.walk(drive, (await files.node(drive, id)) as Directory)) {
    paths.push(node.kind === 'directory' ? `${path}/` : path)
    if (node.kind === 'directory' && node.path !== path) throw new Error(`${path} says that it is ${node.path}`)
  }
  return paths.sort()
}
