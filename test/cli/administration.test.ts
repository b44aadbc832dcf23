/** The commands of operators against a running server, and what is made from the command tree. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runHearth, sharedServer, type TestServer } from '../support/server.ts'

const domain = 'cli.administration.test'
let server: TestServer
const hearth = (...args: string[]) =>
  runHearth(args, { env: { HEARTH_ADMIN_URL: server.adminUrl, HEARTH_ADMIN_PASSPHRASE: server.passphrase } })

beforeAll(async () => {
  server = await sharedServer()
})

describe('administration', () => {
  test('an instance is made, found, checked, repaired and changed', async () => {
    expect(await hearth('instances', 'add', domain, '--locale', 'fr')).toMatchObject({ code: 0, stdout: `${domain}\n` })
    expect((await hearth('instances', 'ls')).stdout).toContain(`${domain}\n`)
    expect(Number((await hearth('instances', 'count')).stdout)).toBeGreaterThan(0)
    const changed = await hearth('instances', 'modify', domain, '--blocked', 'true', '--blocking-reason', 'UNKNOWN')
    expect(changed).toMatchObject({ code: 0, stdout: `${domain}\n` })
    expect(JSON.parse((await hearth('instances', 'show', domain)).stdout).attributes).toMatchObject({ blocked: true })
    expect(await hearth('check', 'triggers', domain, '--json')).toMatchObject({ code: 0, stdout: '[]\n' })
    expect(await hearth('fix', 'password-defined', domain)).toMatchObject({ code: 0 })
    const client = await hearth('instances', 'client-oauth', domain, 'http://a.test/', 'An app', 'soft')
    const token = await hearth('instances', 'token-oauth', domain, client.stdout.trim(), 'io.cozy.notes')
    expect(token.stdout.split('.')).toHaveLength(3)
    expect(await hearth('check', 'shared', 'nobody.test')).toMatchObject({ code: 1, stdout: '' })
  }, 60_000)

  test('an object is stored, listed, read and deleted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hearth-swift-'))
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    writeFileSync(from, 'some bytes')
    for (const name of ['a/b', '_design/x']) {
      expect(await hearth('swift', 'put', domain, name, from)).toMatchObject({ code: 0 })
      expect((await hearth('swift', 'ls', domain)).stdout).toContain(`${name}\n`)
      expect(await hearth('swift', 'get', domain, name, to)).toMatchObject({ code: 0 })
      expect(readFileSync(to, 'utf8')).toBe('some bytes')
      expect(await hearth('swift', 'rm', domain, name)).toMatchObject({ code: 0 })
      expect((await hearth('swift', 'ls', domain)).stdout).not.toContain(name)
    }
  }, 60_000)
})

describe('made from the commands', () => {
  test.each(['bash', 'zsh', 'fish'])('a completion for %s knows them, and the shell can read it', async (shell) => {
    const { code, stdout } = await runHearth(['completion', shell])
    expect(code).toBe(0)
    expect(stdout).toContain('token-cli')
    if (existsSync(`/bin/${shell}`)) expect(spawnSync(`/bin/${shell}`, ['-n'], { input: stdout }).status).toBe(0)
  })

  test('the manual page names every command', async () => {
    const { stdout } = await runHearth(['man'])
    expect(stdout).toStartWith('.TH HEARTH 1')
    for (const name of ['hearth serve', 'hearth instances token\\-cli', 'hearth check sharings', 'hearth swift put']) {
      expect(stdout).toContain(name)
    }
  })

  test('an unknown shell is refused', async () => {
    expect((await runHearth(['completion', 'csh'])).code).toBe(1)
  })
})
