/** The configuration as a person at a terminal meets it: the real program, its messages and exit codes. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyPassword } from '../../src/admin/scrypt.ts'
import { runHearth, startServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = join(folder, 'hearth.yaml')
writeFileSync(file, 'port: 1080\nadmin:\n  prot: 1\nlog: {level: loud}\n')

const maps = join(folder, 'maps.yaml')
writeFileSync(maps, 'contexts:\n  home:\n    anything: 1\n    noreply_address: nobody\n')

test('a file with the maps and lists of cozy-stack is taken as it is, and the server starts with it', async () => {
  const reference = join(import.meta.dirname, '../conformance/admin/reference.yaml')
  const server = await startServer({ args: ['--config', reference] })
  try {
    expect((await server.fetch('/status')).status).toBe(200)
    const { stdout } = await runHearth(['config', 'show', '--config', reference, '--data-dir', server.dataDir])
    expect(stdout).toContain('rr-cloudery')
    expect(stdout).not.toContain('rr-cloudery-token')
    expect(stdout).not.toContain('s3cret3')
  } finally {
    await server.stop()
  }
}, 60_000)

describe('mistakes', () => {
  test.each([
    {
      name: 'a bad flag',
      args: ['--port', '80a'],
      says: 'The configuration has a mistake:\n  port: "80a" (--port) is not allowed; allowed: a port from 1 to 65535, 0 for a free one, or off\n',
    },
    {
      name: 'mistakes in the file',
      args: ['--config', file],
      says: `The configuration has 2 mistakes:\n  ${file}:3: unknown setting admin.prot; did you mean admin.port?\n  log.level: "loud" (${file}:4) is not allowed; allowed: one of debug, info, warning, error\n`,
    },
    {
      name: 'a bad secret',
      env: { HEARTH_DATABASE_URL: 'mysql://root:geheim@h/d' },
      says: 'The configuration has a mistake:\n  database_url: [hidden] (HEARTH_DATABASE_URL) is not allowed; allowed: a PostgreSQL URL such as postgres://user:password@host:5432/database\n',
    },
    {
      name: 'a database without objects',
      env: { HEARTH_DATABASE_URL: 'postgres://root:geheim@h/d' },
      says: 'The configuration has a mistake:\n  objects_url: required when database_url is set, since another process on that database would not see a local folder; set HEARTH_OBJECTS_URL, or --allow-local-objects when there is only this process\n',
    },
    {
      name: 'a variable that Kubernetes set for a service',
      env: { HEARTH_PORT: 'tcp://10.0.0.1:80' },
      says: 'The configuration has a mistake:\n  HEARTH_PORT: "tcp://10.0.0.1:80" has the form of a link that Docker or Kubernetes set for a service of this name; turn these off (enableServiceLinks: false) or call the service something else\n',
    },
    {
      name: 'a mistake in a map',
      args: ['--config', maps],
      says: `The configuration has a mistake:\n  contexts.home.noreply_address: "nobody" (${maps}:4) is not allowed; allowed: a mail address\n`,
    },
  ])('$name', async ({ args = [], env = {}, says }) => {
    for (const command of [['serve'], ['config', 'check']]) {
      const { code, stdout, stderr } = await runHearth([...command, '--data-dir', join(folder, 'data'), ...args], {
        env,
      })
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: says })
    }
  })

  test.each([[['nonsense']], [['serve', '--nonsense']], [['config', 'passwd']], [[]]])(
    '%p is wrong usage',
    async (args) => {
      const { code, stderr } = await runHearth(args)
      expect(code).toBe(2)
      expect(stderr).toContain('hearth')
    },
  )
})

test('an unknown variable -> a warning, and the program goes on', async () => {
  const { code, stdout, stderr } = await runHearth(['config', 'check'], { env: { HEARTH_LOG_LEVLE: 'debug' } })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'the configuration is valid\n' })
  expect(stderr).toBe('warning: HEARTH_LOG_LEVLE is ignored: unknown variable; did you mean HEARTH_LOG_LEVEL?\n')
})

describe('config show', () => {
  const env = { HEARTH_ADMIN_PASSPHRASE: 'geheim', HEARTH_PORT: '1234', HEARTH_DATA_DIR: join(folder, 'data') }

  test('prints values with their origins and no secrets', async () => {
    const { code, stdout } = await runHearth(['config', 'show', '--sync-port', 'off'], { env })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^port +1234 +HEARTH_PORT$/m)
    expect(stdout).toMatch(/^sync\.port +off +--sync-port$/m)
    expect(stdout).toMatch(/^admin\.passphrase +\[hidden\] +HEARTH_ADMIN_PASSPHRASE$/m)
    expect(stdout).not.toContain('geheim')
  })

  test('prints JSON', async () => {
    const { stdout } = await runHearth(['config', 'show', '--json'], { env })
    const shown = JSON.parse(stdout)
    expect(shown.port).toEqual({ value: 1234, origin: 'HEARTH_PORT' })
    expect(shown['admin.passphrase']).toEqual({ value: '[hidden]', origin: 'HEARTH_ADMIN_PASSPHRASE' })
    expect(shown.objects_url).toEqual({ value: null, origin: 'default' })
  })
})

describe('config passwd', () => {
  test.each([
    { from: 'the environment', options: { env: { HEARTH_ADMIN_PASSPHRASE: 'correct horse' } } },
    { from: 'a pipe', options: { input: 'correct horse\n' } },
  ])('takes the passphrase from $from', async ({ options }) => {
    const target = join(folder, 'passphrase')
    const { code, stdout } = await runHearth(['config', 'passwd', target], options)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(statSync(target).mode & 0o777).toBe(0o600)
    expect(await verifyPassword('correct horse', readFileSync(target, 'utf8').trim())).toBe(true)
  })

  test('an unwritable place and an empty passphrase are clear errors', async () => {
    const nowhere = await runHearth(['config', 'passwd', '/nonexistent/file'], { input: 'x\n' })
    expect(nowhere.code).toBe(1)
    expect(nowhere.stderr).toStartWith('hearth: cannot write /nonexistent/file: ENOENT')
    const empty = await runHearth(['config', 'passwd', join(folder, 'empty')], { input: '\n' })
    expect(empty).toEqual({ code: 1, stdout: '', stderr: 'hearth: the passphrase is empty\n' })
  })
})
