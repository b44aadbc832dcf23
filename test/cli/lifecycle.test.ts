/** What must survive: a killed server, a killed database, an ending during work, an outside database that goes away. */
import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { runningServer } from '../../storage/postgres/embedded/pid-file.ts'
import { postgresBin, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { type ServerOptions, startServer, type TestServer } from '../support/server.ts'

const servers: TestServer[] = []
const databases: TestPostgres[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.killTree()
  for (const database of databases.splice(0)) await database.stop()
})

async function start(options?: ServerOptions): Promise<TestServer> {
  const server = await startServer(options)
  servers.push(server)
  return server
}

async function put(server: TestServer, id: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await server.fetch(`/data/org.example.notes/${id}`, { method: 'PUT', headers, body: '{}' })
  await answer.body?.cancel()
  return answer.status
}

async function eventually(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 50_000
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`did not happen: ${what}`)
    await Bun.sleep(20)
  }
}

const isReady = async (server: TestServer) => (await server.fetch('/readyz')).status === 200

describe('embedded database', () => {
  test('a killed server finds its database alive and goes on', async () => {
    const first = await start({ keepData: true })
    const token = await first.token('org.example.notes')
    expect(await put(first, 'a', token)).toBe(200)
    await first.kill()
    const second = await start({ dataDir: first.dataDir, keepData: false })
    expect(second.output.stderr).toContain('"postgres adopted"')
    expect(await put(second, 'b', token)).toBe(200)
    expect(await put(second, 'a', token)).toBe(409)
  })

  test('a killed database is started again, once', async () => {
    const server = await start()
    const token = await server.token('org.example.notes')
    const cluster = join(server.dataDir, 'pg/18/data')
    // While PostgreSQL starts its file may be missing, or not be written whole.
    const postmaster = async () => (await runningServer(cluster))?.pid
    const before = await postmaster()
    if (before === undefined) throw new Error('the database does not run')
    process.kill(before, 'SIGKILL')
    let next: number | undefined
    await eventually('a new postmaster', async () => {
      next = await postmaster()
      return next !== undefined && next !== before && (await isReady(server))
    })
    expect(await put(server, 'a', token)).toBe(200)
    process.kill(next ?? before, 'SIGKILL')
    await eventually('the end of the server', async () => server.output.stderr.includes('died twice within a minute'))
    expect(await server.stop()).toBe(1)
  })
})

describe('SIGTERM', () => {
  test('lets a running request finish, takes no new one, and ends with 0 within 10 s', async () => {
    const server = await start()
    const token = await server.token('org.example.notes')
    let send = (_text: string | null) => {}
    const body = new Readable({ read() {} })
    send = (text) => void body.push(text)
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = server.fetch('/data/org.example.notes/', { method: 'POST', headers, body })
    send('{"title":')
    await Bun.sleep(200)
    const before = Date.now()
    const ended = server.stop()
    await eventually('closed listeners', async () =>
      fetch(`${server.url}/healthz`).then(
        () => false,
        () => true,
      ),
    )
    send('"late"}')
    send(null)
    expect((await answer).status).toBe(201)
    expect(await ended).toBe(0)
    expect(Date.now() - before).toBeLessThan(10_000)
  })

  test('cuts a request that never ends, within 10 s', async () => {
    const server = await start()
    const token = await server.token('org.example.notes')
    const body = new Readable({ read() {} })
    body.push('{')
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = server.fetch('/data/org.example.notes/', { method: 'POST', headers, body }).then(
      ({ status }) => status,
      () => 'cut',
    )
    await Bun.sleep(200)
    const before = Date.now()
    expect(await server.stop()).toBe(0)
    expect(Date.now() - before).toBeLessThan(10_000)
    expect(await answer).not.toBe(201)
  }, 15_000)
})

describe.skipIf(postgresBin() === undefined)('outside database', () => {
  test('readyz says when it is gone, and when it is back', async () => {
    const database = await startPostgres()
    databases.push(database)
    const url = await database.createDatabase()
    const server = await start({ env: { HEARTH_DATABASE_URL: url } })
    const token = await server.token('org.example.notes')
    expect(await put(server, 'a', token)).toBe(200)
    await database.pause()
    await eventually('503', async () => !(await isReady(server)))
    expect(await (await server.fetch('/readyz')).json()).toEqual({ status: 'unavailable', reason: expect.any(String) })
    expect((await server.fetch('/healthz')).status).toBe(200)
    expect(await put(server, 'b', token)).toBe(503)
    await database.resume()
    await eventually('200', () => isReady(server))
    expect(await put(server, 'c', token)).toBe(200)
  }, 30_000)

  test('two servers share instances, tokens and the passphrase; only one has a first run', async () => {
    const database = await startPostgres()
    databases.push(database)
    const env = { HEARTH_DATABASE_URL: await database.createDatabase(), HEARTH_ADMIN_PASSPHRASE: undefined }
    const first = await start({ env })
    const second = await start({ env: { ...env, HEARTH_ADMIN_PASSPHRASE: first.passphrase } })
    expect(first.output.stdout).toContain('First instance')
    expect(second.output.stdout).not.toContain('First instance')
    expect(second.domain).toBe(first.domain)
    const token = await first.token('org.example.notes')
    expect(await put(first, 'a', token)).toBe(200)
    expect(await put(second, 'a', token)).toBe(409)
  })

  test('one that is not there is a clear error', async () => {
    const failed = await startServer({ env: { HEARTH_DATABASE_URL: 'postgres://ada:geheim@127.0.0.1:1/x' } }).catch(
      (error: unknown) => String(error),
    )
    expect(failed).toContain('hearth: the database cannot be used (postgres://[hidden]@127.0.0.1:1/x)')
    expect(failed).not.toContain('geheim')
    expect(failed).toContain('exit code 1')
  })
})
