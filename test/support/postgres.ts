/** An outside PostgreSQL 15 for tests, started from Debian's binaries in a folder of its own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import postgres from 'postgres'
import { guard } from './guardian.ts'

export interface TestPostgres {
  /** Makes an empty database and gives its URL. */
  createDatabase(): Promise<string>
  readonly port: number
  /** Ends the server at once, keeping its data. */
  pause(): Promise<void>
  /** Starts it again on the same port. */
  resume(): Promise<void>
  stop(): Promise<void>
}

let warned = false

/**
 * The folder with `initdb` and `postgres`: HEARTH_TEST_POSTGRES_BIN, Debian's, or one on PATH. Without any it throws in
 * CI and is `undefined` elsewhere, after saying loudly what is skipped.
 */
export function postgresBin(): string | undefined {
  const candidates = [
    process.env['HEARTH_TEST_POSTGRES_BIN'],
    '/usr/lib/postgresql/15/bin',
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
  const found = candidates.find((folder) => folder && existsSync(join(folder, 'initdb')))
  if (found !== undefined) return found
  const missing = 'no PostgreSQL 15 found: apt-get install postgresql-15, or set HEARTH_TEST_POSTGRES_BIN'
  if (process.env['CI']) throw new Error(missing)
  if (!warned) console.warn(`\n*** SKIPPED, every test on an outside PostgreSQL: ${missing} ***\n`)
  warned = true
  return undefined
}

/** Starts a server on a free loopback port. Never as root: PostgreSQL refuses that. */
export async function startPostgres(bin: string | undefined = postgresBin()): Promise<TestPostgres> {
  if (bin === undefined) throw new Error('no PostgreSQL 15: check postgresBin() first')
  const folder = mkdtempSync(join(tmpdir(), 'hearth-pg-'))
  const user = process.getuid?.() === 0 ? unprivileged() : undefined
  if (user) chownSync(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  const initdb = ['-D', data, '-U', 'hearth', '--encoding=UTF8', '--locale=C', '--auth=trust', '--no-sync']
  const made = spawnSync(join(bin, 'initdb'), initdb, { ...user, cwd: folder, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error}`)
  const port = await freePort()
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: folder,
    fsync: 'off',
    max_connections: 100,
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const admin = postgres(`postgres://hearth@127.0.0.1:${port}/postgres`, { max: 1, onnotice: () => {} })
  const run = async () => {
    const child = spawn(join(bin, 'postgres'), ['-D', data, ...options], { ...user, cwd: folder, stdio: 'ignore' })
    const guardian = guard(child.pid ?? 0, folder)
    await answering(admin, child)
    return async (signal: NodeJS.Signals) => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.kill(signal)) await gone
      guardian.release()
    }
  }
  let end = await run()
  let count = 0
  return {
    port,
    async createDatabase() {
      const name = `test_${++count}`
      await admin.unsafe(`CREATE DATABASE ${name}`)
      return `postgres://hearth@127.0.0.1:${port}/${name}`
    },
    pause: () => end('SIGQUIT'),
    async resume() {
      end = await run()
    },
    async stop() {
      await admin.end({ timeout: 1 })
      await end('SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Who runs PostgreSQL where root may not. */
export function unprivileged(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: 'pipe' }))
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return { uid: 65_534, gid: 65_534 }
  }
}

async function answering(sql: postgres.Sql, child: ChildProcess): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await sql`SELECT 1`
      return
    } catch (error) {
      if (attempt > 100 || child.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

const key = Symbol.for('hearth.test.postgres')
const shared = globalThis as { [key]?: Promise<TestPostgres> }

/** One server for the whole test run, ended when the run ends. Each test makes its own database. */
export function sharedPostgres(): Promise<TestPostgres> {
  shared[key] ??= startPostgres()
  return shared[key]
}
