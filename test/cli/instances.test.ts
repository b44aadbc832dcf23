import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { runHearth, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ args: ['--no-first-run'] })
})
afterAll(async () => {
  await server.stop()
})

const instances = (...args: string[]) =>
  runHearth(['instances', ...args], {
    env: { HEARTH_ADMIN_URL: server.adminUrl, HEARTH_ADMIN_PASSPHRASE: server.passphrase },
  })

describe('instances', () => {
  test('are added, listed, shown, changed and removed', async () => {
    expect(await instances('add', 'Ada.localhost', '--email', 'ada@example.org')).toEqual({
      code: 0,
      stdout: 'ada.localhost\n',
      stderr: '',
    })
    expect((await instances('add', 'bob.localhost', '--json')).stdout).toContain('"domain": "bob.localhost"')
    expect((await instances('ls')).stdout).toBe('ada.localhost\nbob.localhost\n')
    expect(await instances('modify', 'bob.localhost', '--locale', 'fr')).toMatchObject({
      code: 0,
      stdout: 'bob.localhost\n',
    })
    const shown = JSON.parse((await instances('show', 'bob.localhost')).stdout)
    expect(shown).toMatchObject({ domain: 'bob.localhost', attributes: { locale: 'fr' } })
    expect(await instances('rm', 'bob.localhost', '--yes')).toMatchObject({ code: 0 })
    expect((await instances('ls')).stdout).toBe('ada.localhost\n')
  })

  test('a token of the command line opens the public API', async () => {
    await instances('add', 'tok.localhost')
    const { code, stdout } = await instances('token-cli', 'tok.localhost', 'org.example.a', 'org.example.b:GET')
    expect(code).toBe(0)
    const headers = {
      host: 'tok.localhost',
      authorization: `Bearer ${stdout.trim()}`,
      'content-type': 'application/json',
    }
    const post = (type: string) => server.fetch(`/data/${type}/`, { method: 'POST', headers, body: '{}' })
    expect((await post('org.example.a')).status).toBe(201)
    expect((await post('org.example.b')).status).toBe(403)
  })

  test('removing without a terminal needs --yes', async () => {
    await instances('add', 'keep.localhost')
    const refused = await instances('rm', 'keep.localhost')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('keep.localhost with all its documents')
    expect((await instances('ls')).stdout).toContain('keep.localhost\n')
  })
})

describe('failures are one line for people', () => {
  test('an unknown domain', async () => {
    expect(await instances('show', 'nobody.localhost')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'hearth: Instance not found\n',
    })
  })

  test('a wrong or missing passphrase', async () => {
    const wrong = await runHearth(['instances', 'ls'], {
      env: { HEARTH_ADMIN_URL: server.adminUrl, HEARTH_ADMIN_PASSPHRASE: 'wrong' },
    })
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toContain('HEARTH_ADMIN_PASSPHRASE')
    const missing = await runHearth(['instances', 'ls'], { env: { HEARTH_ADMIN_URL: server.adminUrl } })
    expect(missing).toMatchObject({ code: 1, stdout: '' })
    expect(missing.stderr).toBe('hearth: HEARTH_ADMIN_PASSPHRASE is not set: it must hold the admin passphrase\n')
  })

  test('no server', async () => {
    const env = { HEARTH_ADMIN_URL: 'http://127.0.0.1:1', HEARTH_ADMIN_PASSPHRASE: 'x' }
    const { code, stderr } = await runHearth(['instances', 'ls'], { env })
    expect(code).toBe(1)
    expect(stderr).toBe('hearth: no answer from the admin API at http://127.0.0.1:1; is `hearth serve` running?\n')
  })

  test('a server on the data directory is found without an URL', async () => {
    const env = { HEARTH_DATA_DIR: server.dataDir, HEARTH_ADMIN_PASSPHRASE: server.passphrase }
    expect((await runHearth(['instances', 'ls'], { env })).code).toBe(0)
  })
})
