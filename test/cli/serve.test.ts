/** The life of a server: first start, what it prints, restart, a second one, health, the orderly end. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/postgres.ts'
import { runHearth, startServer, type TestServer } from '../support/server.ts'

describe('the first start', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer({ env: { HEARTH_ADMIN_PASSPHRASE: undefined } })
  })
  afterAll(async () => {
    await server.stop()
  })

  test('prints four addresses, a passphrase, a token and a curl line', () => {
    const { stdout } = server.output
    for (const name of ['public', 'admin', 'sync']) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +http://localhost:\\d+$`, 'm'))
    }
    expect(stdout).toMatch(/^ {2}appliance +https:\/\/localhost:\d+$/m)
    expect(stdout).toMatch(/^Admin passphrase \(shown only now\):\n {2}[a-z2-9-]{20,}$/m)
    expect(server.domain).toBe(`home.localhost:${new URL(server.url).port}`)
    expect(stdout).toContain(server.domain)
  })

  test('the printed curl line works when pasted, word for word', async () => {
    const line = server.output.stdout.split('\n').find((one) => one.trim().startsWith('curl '))
    const pasted = spawnSync('sh', ['-c', `${line} --silent --show-error --fail`], { encoding: 'utf8' })
    expect(pasted.stderr).toBe('')
    const answer = JSON.parse(pasted.stdout)
    expect(answer).toMatchObject({ ok: true, type: 'org.example.notes', data: { title: 'Hello' } })
    const read = await server.fetch(`/data/org.example.notes/${answer.id}`, {
      headers: { authorization: `Bearer ${await server.token('org.example.notes')}` },
    })
    expect([read.status, ((await read.json()) as { title: string }).title]).toEqual([200, 'Hello'])
  })

  test('the printed passphrase opens the admin API, and only that one', async () => {
    const ask = (passphrase: string) =>
      server.fetch(`${server.adminUrl}/instances`, { headers: { authorization: `Basic ${btoa(`x:${passphrase}`)}` } })
    expect((await ask(server.passphrase)).status).toBe(200)
    expect((await ask('other')).status).toBe(403)
  })

  test('no secret reaches the log', () => {
    const token = /^ {2}(eyJ\S+)$/m.exec(server.output.stdout)?.[1] ?? ''
    expect(token.length).toBeGreaterThan(50)
    expect(server.output.stderr).not.toContain(token)
    expect(server.output.stderr).not.toContain(server.passphrase)
    for (const line of server.output.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event')
  })

  test('every listener answers healthz and readyz without a passphrase or a host', async () => {
    for (const url of [server.url, server.adminUrl, server.syncUrl, server.applianceUrl]) {
      for (const path of ['/healthz', '/readyz']) {
        const answer = await server.fetch(url + path, { headers: { host: 'anything' } })
        expect([url, path, answer.status, await answer.json()]).toEqual([url, path, 200, { status: 'ok' }])
      }
    }
  })

  test('metrics are for those who know the passphrase', async () => {
    const url = `${server.adminUrl}/metrics`
    expect((await server.fetch(url)).status).toBe(401)
    const headers = { authorization: `Basic ${btoa(`x:${server.passphrase}`)}` }
    const text = await (await server.fetch(url, { headers })).text()
    expect(text).toContain('hearth_http_requests_total{listener="admin",method="GET",route="/healthz",status="200"}')
    expect(text).toMatch(/^hearth_process_resident_bytes \d+$/m)
  })

  test('a second serve on the same data directory is refused with the reason', async () => {
    const ports = ['--port', '0', '--admin-port', '0', '--sync-port', '0', '--appliance-port', '0']
    const second = await runHearth(['serve', '--data-dir', server.dataDir, ...ports])
    expect(second.code).toBe(1)
    expect(second.stdout).toBe('')
    expect(second.stderr).toContain(`${server.pid}`)
    expect(second.stderr).not.toContain('    at ')
    expect((await server.fetch('/readyz')).status).toBe(200)
  })
})

describe('later starts', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'hearth-later-'))
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

  test('print no secret again and find everything as it was', async () => {
    const first = await startServer({ dataDir, env: { HEARTH_ADMIN_PASSPHRASE: undefined } })
    const headers = { authorization: `Bearer ${/^ {2}(eyJ\S+)$/m.exec(first.output.stdout)?.[1]}` }
    const made = await first.fetch('/data/org.example.notes/a', {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"n":1}',
    })
    expect(made.status).toBe(200)
    expect(await first.stop()).toBe(0)
    expect(existsSync(join(dataDir, 'listeners.json'))).toBe(false)

    const second = await startServer({ dataDir, env: { HEARTH_ADMIN_PASSPHRASE: first.passphrase } })
    try {
      expect(second.output.stdout).not.toMatch(/passphrase|token|curl/i)
      expect(second.domain).toBe(first.domain)
      const read = await second.fetch('/data/org.example.notes/a', { headers })
      expect(((await read.json()) as { n: number }).n).toBe(1)
    } finally {
      await second.stop()
    }
  })
})

describe('flags', () => {
  test('--no-first-run makes no instance, off closes a listener', async () => {
    const server = await startServer({ args: ['--no-first-run', '--sync-port', 'off'] })
    try {
      expect(server.domain).toBe('')
      expect(server.output.stdout).toMatch(/^ {2}sync +off$/m)
      expect(JSON.parse(readFileSync(join(server.dataDir, 'listeners.json'), 'utf8')).sync).toBeNull()
      await server.createInstance('ada.localhost')
      const answer = await server.fetch('/data/org.example.notes/x', { headers: { host: 'ada.localhost' } })
      expect(answer.status).toBe(401)
    } finally {
      await server.stop()
    }
  })

  test('a port in use ends the start with the name of the setting, and nothing stays behind', async () => {
    const port = await freePort()
    const holder = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
    const dataDir = mkdtempSync(join(tmpdir(), 'hearth-port-'))
    try {
      const ports = ['--port', '0', '--admin-port', `${port}`, '--sync-port', '0', '--appliance-port', '0']
      const { code, stdout, stderr } = await runHearth(['serve', '--data-dir', dataDir, ...ports])
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toContain(
        `the admin listener cannot open 127.0.0.1 port ${port}: something else listens there already`,
      )
      expect(stderr).toContain('--admin-port')
      // Nothing was used up: the next start is the first one, and says so.
      const server = await startServer({ dataDir, env: { HEARTH_ADMIN_PASSPHRASE: undefined } })
      expect(server.output.stdout).toContain('Admin passphrase (shown only now)')
      expect(server.domain).toStartWith('home.localhost:')
      await server.stop()
    } finally {
      holder.stop()
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
})
