/** The two kinds of PostgreSQL that every storage test runs on. Both are started once for the whole test run. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { ConnectionOptions } from '../../storage/postgres/connection.ts'
import { openEmbeddedPostgres } from '../../storage/postgres/embedded/server.ts'
import { guard } from '../support/guardian.ts'
import { postgresBin, sharedPostgres } from '../support/postgres.ts'

export type Target = ConnectionOptions['target']

export interface PostgresUnderTest {
  readonly name: string
  /** False: not installed here; tests on it are skipped. */
  readonly available: boolean
  /** Makes an empty database. */
  createDatabase(): Promise<Target>
}

export const embedded: PostgresUnderTest = {
  name: 'embedded PostgreSQL 18',
  available: true,
  async createDatabase() {
    shared[key] ??= startEmbedded()
    return (await shared[key])()
  },
}

export const outside: PostgresUnderTest = {
  name: 'outside PostgreSQL 15',
  available: postgresBin() !== undefined,
  createDatabase: async () => (await sharedPostgres()).createDatabase(),
}

export const bothPostgres: readonly PostgresUnderTest[] = [embedded, outside]

/** A connection of its own for what a test does behind the store's back. */
export function plainSql(target: Target, max = 1): postgres.Sql {
  const options = { max, onnotice: () => {} }
  return typeof target === 'string' ? postgres(target, options) : postgres({ ...options, ...target })
}

const key = Symbol.for('hearth.test.embedded')
const shared = globalThis as { [key]?: Promise<() => Promise<Target>> }

async function startEmbedded(): Promise<() => Promise<Target>> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-embedded-'))
  // Tests open several stores at once, each as large as that of a server.
  const { connection, pid } = await openEmbeddedPostgres({ dataDir: folder, log: () => {}, maxConnections: 64 })
  guard(pid, folder)
  const admin = plainSql(connection)
  let count = 0
  return async () => {
    const name = `test_${++count}`
    await admin.unsafe(`CREATE DATABASE ${name}`)
    return { ...connection, database: name }
  }
}
