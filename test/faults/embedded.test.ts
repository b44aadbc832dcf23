/** The embedded server with real processes: starts, restarts, kills, and the ways in which a start must be refused. */
import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startTimeOf } from '../../storage/postgres/embedded/processes.ts'
import type { EmbeddedPostgres } from '../../storage/postgres/embedded/server.ts'
import { EmbeddedProcess, ordinaryUser } from './embedded-process.ts'

setDefaultTimeout(60_000)

const isRoot = process.getuid?.() === 0
const asRoot = isRoot ? test : test.skip
if (!isRoot)
  console.warn('SKIPPED: the cases of embedded.test.ts that need root (full disk, stepping down, barred folders)')

const cleanups: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** An empty folder that everybody may enter, removed after the test. */
async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hearth-embedded-'))
  await chmod(folder, 0o755)
  cleanups.push(() => rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  return folder
}

/** Opens a data directory in a process of its own, stopped after the test; a server that outlives it is ended too. */
function open(dataDir: string, uid?: number): EmbeddedProcess {
  const fixture = new EmbeddedProcess(dataDir, uid)
  cleanups.push(async () => {
    await fixture.stop()
    const pid = fixture.told.find((line) => line.opened)?.pid
    if (pid !== undefined && (await startTimeOf(pid)) !== undefined) process.kill(pid, 'SIGQUIT')
  })
  return fixture
}

async function query<T>(
  connection: EmbeddedPostgres['connection'],
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres({ ...connection, max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 50_000; !(await condition()); await Bun.sleep(20)) {
    if (Date.now() > end) throw new Error('waited 50 s in vain')
  }
}

const isGone = (pid: number) => waitUntil(async () => (await startTimeOf(pid)) === undefined)

describe('starting', () => {
  test('first start: PostgreSQL 18 on a private socket, durable, as an ordinary user', async () => {
    const dataDir = join(await scratch(), 'a', 'data')
    const { connection, pid } = await open(dataDir).opened()
    const settings = await query(connection, async (sql) => {
      const rows = await sql<{ name: string; setting: string }[]>`SELECT name, setting FROM pg_settings`
      return new Map(rows.map(({ name, setting }) => [name, setting]))
    })
    expect(settings.get('server_version_num')).toStartWith('18')
    expect(settings.get('listen_addresses')).toBe('')
    for (const name of ['fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums']) {
      expect([name, settings.get(name)]).toEqual([name, 'on'])
    }
    expect(settings.get('server_encoding')).toBe('UTF8')
    expect((await stat(connection.host)).mode & 0o777).toBe(0o700)
    expect((await stat(`/proc/${pid}`)).uid).not.toBe(0)
  })

  test('ICU, PL/pgSQL, text search and time zones came along', async () => {
    const { connection } = await open(join(await scratch(), 'data')).opened()
    await query(connection, async (sql) => {
      await sql`CREATE COLLATION c (provider = icu, locale = 'und', deterministic = false)`
      await sql.unsafe(`DO $$ BEGIN PERFORM 1; END $$`)
      const [row] = await sql`
        SELECT 'e' || chr(769) = chr(233) COLLATE c AS same, to_tsvector('french', 'maisons')::text AS words,
               ('2026-07-01 12:00Z'::timestamptz AT TIME ZONE 'Europe/Paris')::text AS there`
      expect(row).toEqual({ same: true, words: "'maison':1", there: '2026-07-01 14:00:00' })
    })
  })

  test('restart: the data is there, and nothing is unpacked or initialised again', async () => {
    const dataDir = join(await scratch(), 'data')
    const first = open(dataDir)
    const { connection } = await first.opened()
    await query(connection, (sql) => sql`CREATE TABLE kept AS SELECT 42 AS n`)
    await first.stop()
    expect(first.told.at(-1)).toEqual({ stopped: true })
    expect(existsSync(join(dataDir, 'hearth.lock'))).toBe(false)
    const second = open(dataDir)
    const [row] = await query((await second.opened()).connection, (sql) => sql`SELECT n FROM kept`)
    expect(row).toEqual({ n: 42 })
    expect(second.told.map((line) => line.event)).toEqual(['postgres started', undefined])
  })

  test('what a killed first start or an older minor version left is removed', async () => {
    const dataDir = join(await scratch(), 'data')
    const first = open(dataDir)
    await first.opened()
    await first.stop()
    const home = join(dataDir, 'pg', '18')
    for (const name of ['.unfinished-x', 'program-18.0.0-old'])
      await mkdir(join(home, name, 'bin'), { recursive: true })
    await open(dataDir).opened()
    const names = await readdir(home)
    expect(names.filter((name) => name.startsWith('.unfinished') || name.endsWith('-old'))).toEqual([])
    expect(names.filter((name) => name.startsWith('program-'))).toHaveLength(1)
  })

  test('a path too long for a socket: the socket lies elsewhere, and is removed at the end', async () => {
    const dataDir = join(await scratch(), 'x'.repeat(100))
    const fixture = open(dataDir)
    const { connection } = await fixture.opened()
    expect(connection.host).not.toStartWith(dataDir)
    expect((await stat(connection.host)).mode & 0o777).toBe(0o700)
    await query(connection, (sql) => sql`SELECT 1`)
    await fixture.stop()
    expect(existsSync(connection.host)).toBe(false)
  })

  asRoot('as an ordinary user, and later as root on the same directory', async () => {
    const folder = await scratch()
    await chown(folder, ordinaryUser, ordinaryUser)
    const dataDir = join(folder, 'data')
    for (const uid of [ordinaryUser, undefined, ordinaryUser]) {
      const fixture = open(dataDir, uid)
      expect((await stat(`/proc/${(await fixture.opened()).pid}`)).uid).toBe(ordinaryUser)
      await fixture.stop()
    }
  })
})

describe('after a kill', () => {
  test('Hearth killed, server alive: adopted, and stopped at the end', async () => {
    const dataDir = join(await scratch(), 'data')
    const first = open(dataDir)
    const { connection, pid } = await first.opened()
    await query(connection, (sql) => sql`CREATE TABLE kept AS SELECT 42 AS n`)
    await first.kill()
    const second = open(dataDir)
    const adopted = await second.opened()
    expect(adopted).toEqual({ connection, pid })
    expect(second.told.map((line) => line.event)).toEqual(['postgres adopted', undefined])
    expect(await query(adopted.connection, (sql) => sql`SELECT n FROM kept`)).toHaveLength(1)
    await second.stop()
    expect(await startTimeOf(pid)).toBeUndefined()
  })

  test('an adopted server that dies is noticed', async () => {
    const dataDir = join(await scratch(), 'data')
    const first = open(dataDir)
    const { pid } = await first.opened()
    await first.kill()
    const second = open(dataDir)
    await second.opened()
    process.kill(pid, 'SIGKILL')
    expect((await second.tells((line) => 'died' in line)).died).toContain(`process ${pid}`)
  })

  test('Hearth and server killed: what was committed is recovered', async () => {
    const dataDir = join(await scratch(), 'data')
    const first = open(dataDir)
    const { connection, pid } = await first.opened()
    await query(connection, async (sql) => {
      await sql`CREATE TABLE kept (n int)`
      for (let n = 0; n < 200; n++) await sql`INSERT INTO kept VALUES (${n})`
    })
    await first.kill()
    process.kill(pid, 'SIGKILL')
    const second = await open(dataDir).opened()
    expect(second.pid).not.toBe(pid)
    expect(await query(second.connection, (sql) => sql`SELECT count(*)::int AS n FROM kept`)).toEqual([
      { n: 200 },
    ] as never)
  })

  test('server killed under a busy session: told with a reason, and the next start works at once', async () => {
    const dataDir = join(await scratch(), 'data')
    const first = open(dataDir)
    const { connection, pid } = await first.opened()
    const busy = query(connection, (sql) => sql`SELECT pg_sleep(30)`).catch(() => 'cut')
    await waitUntil(() =>
      query(
        connection,
        async (sql) => (await sql`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'`).length > 0,
      ),
    )
    process.kill(pid, 'SIGKILL')
    const { died } = await first.tells((line) => 'died' in line)
    expect(died).toContain(`PostgreSQL (process ${pid}) ended by itself: signal SIGKILL`)
    await first.stop()
    await query((await open(dataDir).opened()).connection, (sql) => sql`SELECT 1`)
    expect(await busy).toBe('cut')
  })

  test('a lock whose process id now belongs to a stranger is taken over', async () => {
    const dataDir = join(await scratch(), 'data')
    await mkdir(dataDir)
    await writeFile(join(dataDir, 'hearth.lock'), `${process.pid} 00000000:1\n`)
    await chmod(dataDir, 0o755)
    const fixture = open(dataDir)
    await fixture.opened()
    expect(await readFile(join(dataDir, 'hearth.lock'), 'utf8')).toStartWith(`${fixture.pid} `)
  })
})

describe('stopping', () => {
  test('an idle session and an open transaction do not hold it up', async () => {
    const fixture = open(join(await scratch(), 'data'))
    const { connection, pid } = await fixture.opened()
    const sql = postgres({ ...connection, max: 1 })
    const held = sql.begin(async (transaction) => {
      await transaction`SELECT 1`
      await Bun.sleep(20_000)
    })
    held.catch(() => {})
    await waitUntil(() =>
      query(
        connection,
        async (other) => (await other`SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'`).length > 0,
      ),
    )
    const began = Date.now()
    await fixture.stop()
    expect(Date.now() - began).toBeLessThan(10_000)
    expect(await startTimeOf(pid)).toBeUndefined()
    await sql.end({ timeout: 0 })
  })

  test('a server that hangs is ended within 10 s', async () => {
    const fixture = open(join(await scratch(), 'data'))
    const { connection, pid } = await fixture.opened()
    const [row] = await query(
      connection,
      (sql) => sql<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`,
    )
    // The fast shutdown waits for the checkpointer, which now does nothing.
    process.kill(row?.pid ?? 0, 'SIGSTOP')
    const began = Date.now()
    await fixture.stop()
    expect(Date.now() - began).toBeWithin(7_000, 10_500)
    if (row && (await startTimeOf(row.pid)) !== undefined) process.kill(row.pid, 'SIGKILL')
    await isGone(pid)
  })
})

describe('refusals', () => {
  test('a second Hearth on the same directory', async () => {
    const dataDir = join(await scratch(), 'data')
    const first = open(dataDir)
    const { connection } = await first.opened()
    expect(await open(dataDir).refusal()).toContain(`Another Hearth, process ${first.pid}, serves this data directory`)
    await query(connection, (sql) => sql`SELECT 1`)
  })

  test('a file where the directory should be, and a path below a file', async () => {
    const file = join(await scratch(), 'file')
    await writeFile(file, '')
    expect(await open(file).refusal()).toContain(`${file} is not a directory`)
    expect(await open(join(file, 'data')).refusal()).toContain('is not a directory')
  })

  test('a directory that cannot be written', async () => {
    const dataDir = join(await scratch(), 'data')
    await mkdir(dataDir)
    await chmod(dataDir, 0o555)
    const refusal = await open(dataDir, isRoot ? ordinaryUser : undefined).refusal()
    expect(refusal).toContain(`${dataDir} cannot be written by the user that runs Hearth`)
  })

  asRoot('a folder above that the server’s user may not enter', async () => {
    const barred = join(await scratch(), 'barred')
    await mkdir(barred)
    await chmod(barred, 0o700)
    const refusal = await open(join(barred, 'data')).refusal()
    expect(refusal).toContain(`may not enter ${barred}: allow it (chmod o+x ${barred})`)
  })

  test.each([
    { folder: '17', version: '17' },
    { folder: '19', version: '19' },
    { folder: '18', version: '17' },
  ])('data of PostgreSQL $version in pg/$folder', async ({ folder, version }) => {
    const dataDir = join(await scratch(), 'data')
    const cluster = join(dataDir, 'pg', folder, 'data')
    await mkdir(cluster, { recursive: true })
    await chmod(dataDir, 0o755)
    await writeFile(join(cluster, 'PG_VERSION'), `${version}\n`)
    const refusal = await open(dataDir).refusal()
    expect(refusal).toContain(`holds data of PostgreSQL ${version}, and this Hearth carries PostgreSQL 18`)
    expect(refusal).toContain('hearth backup FILE')
    expect(refusal).toContain('hearth restore FILE')
    expect(await readdir(cluster)).toEqual(['PG_VERSION'])
  })

  asRoot.each(['20m', '64m'])('a full disk of %s, and a start once there is room', async (size) => {
    const disk = await scratch()
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'hearth-test', disk], { stdio: 'pipe' })
    } catch {
      console.warn('SKIPPED: a full disk cannot be tested, since this root may not mount a tmpfs')
      return
    }
    cleanups.push(() => execFileSync('umount', ['-l', disk]))
    const dataDir = join(disk, 'data')
    expect(await open(dataDir).refusal()).toMatch(/^The disk of .* is full \(\d+ MB left/)
    expect(existsSync(join(dataDir, 'pg', '18', 'data'))).toBe(false)
    execFileSync('mount', ['-o', 'remount,size=200m', disk])
    const fixture = open(dataDir)
    await query((await fixture.opened()).connection, (sql) => sql`SELECT 1`)
    await fixture.stop()
  })
})
