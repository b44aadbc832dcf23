/** Two PostgreSQL servers for tests: a primary, and a replica to which every commit is written before it is acknowledged. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { guard } from './guardian.ts'
import { freePort, postgresBin, unprivileged } from './postgres.ts'

export interface ReplicatedPostgres {
  /** Names both servers; clients take the one that is the primary. */
  readonly url: string
  /** SIGKILL of the primary and all its processes. */
  killPrimary(): Promise<void>
  /** Makes the replica a primary. Resolves when it takes writes. */
  promote(): Promise<void>
  stop(): Promise<void>
}

/** Starts both; resolves when commits wait for the replica. */
export async function startReplicatedPostgres(): Promise<ReplicatedPostgres> {
  const bin = postgresBin()
  if (bin === undefined) throw new Error('no PostgreSQL 15: check postgresBin() first')
  const folder = mkdtempSync(join(tmpdir(), 'hearth-pgs-'))
  const user = process.getuid?.() === 0 ? unprivileged() : undefined
  if (user) chownSync(folder, user.uid, user.gid)
  const ends: (() => Promise<void>)[] = []

  function run(program: string, args: readonly string[]): void {
    const { status, stderr, error } = spawnSync(join(bin ?? '', program), [...args], {
      ...user,
      cwd: folder,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${program} failed: ${stderr || error}`)
  }

  function serve(data: string, port: number, settings: Readonly<Record<string, string | number>>): ChildProcess {
    const all = { listen_addresses: '127.0.0.1', port, unix_socket_directories: folder, fsync: 'off', ...settings }
    const options = Object.entries({ ...all, max_connections: 200 }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ])
    const child = spawn(join(bin ?? '', 'postgres'), ['-D', data, ...options], {
      ...user,
      cwd: folder,
      stdio: 'ignore',
    })
    const guardian = guard(child.pid ?? 0, folder)
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    ends.push(async () => {
      // Ends all its processes at once, as a machine that fails would.
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGQUIT')) await gone
      guardian.release()
    })
    return child
  }

  const [first, second] = [await freePort(), await freePort()]
  const [data, copy] = [join(folder, 'primary'), join(folder, 'replica')]
  const client = (port: number) =>
    postgres(`postgres://hearth@127.0.0.1:${port}/postgres`, { max: 1, onnotice: () => {}, connect_timeout: 5 })
  const stop = async () => {
    for (const end of ends) await end()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    run('initdb', ['-D', data, '-U', 'hearth', '--encoding=UTF8', '--locale=C', '--auth=trust', '--no-sync'])
    serve(data, first, { wal_level: 'replica', synchronous_standby_names: '*', synchronous_commit: 'local' })
    await eventually('the primary', async () => {
      const sql = client(first)
      return sql`SELECT 1`.finally(() => sql.end({ timeout: 1 }))
    })
    run('pg_basebackup', [
      '-h',
      '127.0.0.1',
      '-p',
      `${first}`,
      '-U',
      'hearth',
      '-D',
      copy,
      '-R',
      '-c',
      'fast',
      '--no-sync',
    ])
    serve(copy, second, { hot_standby: 'on' })
    const admin = client(first)
    await eventually('the replica', async () => {
      const rows = await admin`SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`
      if (rows.length === 0) throw new Error('not yet')
    })
    // From now on no commit is acknowledged that the replica does not have.
    await admin`ALTER ROLE hearth SET synchronous_commit = 'on'`
    await admin`CREATE DATABASE hearth`
    await admin.end({ timeout: 1 })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `postgres://hearth@127.0.0.1:${first},127.0.0.1:${second}/hearth?target_session_attrs=primary`,
    async killPrimary() {
      await ends[0]?.()
    },
    async promote() {
      const sql = client(second)
      await sql`SELECT pg_promote(true, 60)`
      await sql.end({ timeout: 1 })
    },
    stop,
  }
}

async function eventually(what: string, work: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    try {
      await work()
      return
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what} did not come`, { cause: error })
    }
  }
}
