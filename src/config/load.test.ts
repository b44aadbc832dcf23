import { describe, expect, test } from 'bun:test'
import { ConfigError, type ConfigSources, loadConfig } from './load.ts'
import { configJson, configReference, showConfig } from './show.ts'

function load(given: Partial<ConfigSources> & { files?: Record<string, string> }) {
  const { files = {}, ...sources } = given
  return loadConfig({
    flags: {},
    env: {},
    isRoot: false,
    home: '/home/ada',
    readFile: (path) => files[path],
    ...sources,
  })
}

function problemsOf(given: Parameters<typeof load>[0]): readonly string[] {
  try {
    load(given)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('order of sources', () => {
  const file = 'log:\n  level: debug\nport: 1001\nadmin.port: 1002\nsync: {port: 1003}\n'
  const files = { '/d/hearth.yaml': file }

  test('defaults alone are a valid configuration', () => {
    const { config } = load({})
    expect(config.port).toBe(8080)
    expect(config.admin).toMatchObject({ host: 'localhost', port: 6060 })
    expect(config.documents.max_size).toBe(8_000_000)
    expect(config.request.max_size).toBe(67_108_864)
    expect(config.token).toEqual({ cli_lifetime: 1800, expired_status: 400 })
  })

  test('a flag wins over a variable, a variable over the file, the file over the default', () => {
    const { config, values } = load({
      files,
      env: { HEARTH_DATA_DIR: '/d', HEARTH_PORT: '2001', HEARTH_ADMIN_PORT: '2002' },
      flags: { port: '3001' },
    })
    expect([config.port, config.admin.port, config.sync.port, config.appliance.port]).toEqual([3001, 2002, 1003, 8443])
    const origins = Object.fromEntries(values.map((value) => [value.setting.name, value.origin]))
    expect(origins).toMatchObject({
      data_dir: 'HEARTH_DATA_DIR',
      port: '--port',
      'admin.port': 'HEARTH_ADMIN_PORT',
      'sync.port': '/d/hearth.yaml:5',
      'log.level': '/d/hearth.yaml:2',
      'appliance.port': 'default',
    })
  })

  test('an empty variable counts as not set', () => {
    expect(load({ env: { HEARTH_PORT: '' } }).config.port).toBe(8080)
  })

  test('a secret may come from the file that a variable names', () => {
    const env = { HEARTH_ADMIN_PASSPHRASE_FILE: '/run/secrets/p' }
    expect(load({ env, files: { '/run/secrets/p': 'open sesame\n' } }).config.admin.passphrase).toBe('open sesame')
    expect(problemsOf({ env })).toEqual(['HEARTH_ADMIN_PASSPHRASE_FILE: there is no file /run/secrets/p'])
  })
})

describe('data directory and file (decisions 14)', () => {
  test.each([
    [{ isRoot: true }, '/var/lib/hearth'],
    [{}, '/home/ada/.local/share/hearth'],
    [{ env: { XDG_DATA_HOME: '/x' } }, '/x/hearth'],
    [{ isRoot: true, env: { HEARTH_DATA_DIR: '/e' } }, '/e'],
    [{ env: { HEARTH_DATA_DIR: '/e' }, flags: { data_dir: '/f' } }, '/f'],
    [{ configFile: '/c.yaml', files: { '/c.yaml': 'data_dir: /y' } }, '/y'],
  ] as const)('%p gives %s', (sources, expected) => {
    expect(load(sources).config.data_dir).toBe(expected)
  })

  test('a named file must exist, the one in the data directory need not', () => {
    expect(problemsOf({ configFile: '/c.yaml' })).toEqual(['there is no configuration file /c.yaml'])
    expect(problemsOf({ env: { HEARTH_CONFIG: '/c.yaml' } })).toEqual(['there is no configuration file /c.yaml'])
    expect(problemsOf({})).toEqual([])
  })
})

describe('values', () => {
  test.each([
    ['port', 'off', 'off'],
    ['port', '0', 0],
    ['log.level', 'warning', 'warning'],
    ['documents.max_size', '2MiB', 2_097_152],
    ['documents.max_size', '1.5 MB', 1_500_000],
    ['documents.max_size', '4096', 4096],
    ['token.cli_lifetime', '2h', 7200],
    ['token.expired_status', '401', 401],
    ['first_run', 'no', false],
    ['allow_local_objects', 'true', true],
  ])('%s takes %s', (name, given, expected) => {
    const value = load({ flags: { [name]: given } }).values.find((entry) => entry.setting.name === name)
    expect(value?.value).toBe(expected)
  })
})

describe('mistakes name the setting, where it came from, the value and what is allowed', () => {
  const port = 'a port from 1 to 65535, 0 for a free one, or off'
  test.each([
    [{ flags: { port: '80a' } }, `port: "80a" (--port) is not allowed; allowed: ${port}`],
    [{ env: { HEARTH_SYNC_PORT: '65536' } }, `sync.port: "65536" (HEARTH_SYNC_PORT) is not allowed; allowed: ${port}`],
    [
      { configFile: '/c', files: { '/c': '\n\nadmin:\n  port: -1\n' } },
      `admin.port: -1 (/c:4) is not allowed; allowed: ${port}`,
    ],
    [
      { env: { HEARTH_LOG_LEVEL: 'loud' } },
      'log.level: "loud" (HEARTH_LOG_LEVEL) is not allowed; allowed: one of debug, info, warning, error',
    ],
    [
      { flags: { 'documents.max_size': '8 parsecs' } },
      'documents.max_size: "8 parsecs" (--documents-max-size) is not allowed; allowed: a size from 1024 to 67108864 bytes such as 8000000, 64MiB or 1GB',
    ],
    [
      { env: { HEARTH_DATABASE_URL: 'mysql://root:pw@h/d' } },
      'database_url: [hidden] (HEARTH_DATABASE_URL) is not allowed; allowed: a PostgreSQL URL such as postgres://user:password@host:5432/database',
    ],
    [
      { env: { HEARTH_PORT: 'tcp://10.0.0.1:80' } },
      'HEARTH_PORT: "tcp://10.0.0.1:80" has the form of a link that Docker or Kubernetes set for a service of this name; turn these off (enableServiceLinks: false) or call the service something else',
    ],
    [
      { configFile: '/c', files: { '/c': 'admin:\n  prot: 1\n' } },
      '/c:2: unknown setting admin.prot; did you mean admin.port?',
    ],
    [{ configFile: '/c', files: { '/c': 'zzzzzzzz: 1\n' } }, '/c:1: unknown setting zzzzzzzz'],
    [
      { configFile: '/c', files: { '/c': 'admin: 6060\n' } },
      '/c:1: admin is a section: its settings belong below it, indented',
    ],
    [{ configFile: '/c', files: { '/c': '- a\n' } }, '/c:1: the file must be a mapping of settings to values'],
    [
      { env: { HEARTH_DATA_DIR: '/d' }, files: { '/d/hearth.yaml': 'data_dir: /e\n' } },
      '/d/hearth.yaml:1: data_dir cannot be set here, since this file was found through it',
    ],
    [
      { env: { HEARTH_DATABASE_URL: 'postgres://h/d', HEARTH_SECRETS_KEY: '0f'.repeat(32) } },
      'objects_url: required when database_url is set, since another process on that database would not see a local folder; set HEARTH_OBJECTS_URL, or --allow-local-objects when there is only this process',
    ],
    [{ flags: { port: '6060' } }, 'admin.port: 6060 is also the value of port; every listener needs its own port'],
  ])('%p', (sources, problem) => {
    expect(problemsOf(sources)).toEqual([problem])
  })

  test('broken YAML is reported with its line', () => {
    const [problem] = problemsOf({ configFile: '/c', files: { '/c': 'port: 1\nadmin: [\n' } })
    expect(problem).toStartWith('/c:')
  })

  test('all mistakes are listed at once', () => {
    expect(problemsOf({ flags: { port: 'x', 'sync.port': 'y' }, env: { HEARTH_PORT: 'UDP://h:1' } })).toHaveLength(3)
  })

  test.each([
    ['HEARTH_PROT', 'HEARTH_PROT is ignored: unknown variable; did you mean HEARTH_PORT?'],
    ['HEARTH_SERVICE_HOST_OF_OTHERS', 'HEARTH_SERVICE_HOST_OF_OTHERS is ignored: unknown variable'],
    ['HEARTH_CONTEXTS', 'HEARTH_CONTEXTS is ignored: contexts can only be set in the configuration file'],
    [
      'HEARTH_APPLIANCE_FIRST_RUN',
      'HEARTH_APPLIANCE_FIRST_RUN is ignored: appliance.first-run can only be set in the configuration file',
    ],
  ])('an unknown variable %s is a warning', (variable, warning) => {
    expect(load({ env: { [variable]: '1' } }).warnings).toEqual([warning])
  })

  test('test variables and documented others are no mistakes', () => {
    const env = { HEARTH_TEST_POSTGRES_BIN: '/x', HEARTH_ADMIN_URL: 'http://x', PATH: '/bin' }
    expect(load({ env }).warnings).toEqual([])
  })
})

describe('showing', () => {
  const { values } = load({
    env: {
      HEARTH_ADMIN_PASSPHRASE: 'sesame',
      HEARTH_SECRETS_KEY: '5e5a'.repeat(16),
      HEARTH_DATABASE_URL: 'postgres://ada:pa@ss/w@db:5432/h?sslpassword=sesame',
      HEARTH_OBJECTS_URL: 's3://KEY:SESAME@host/bucket',
    },
  })

  test('secrets are hidden, also inside URLs', () => {
    for (const output of [showConfig(values), JSON.stringify(configJson(values))]) {
      expect(output).not.toMatch(/sesame|pa@ss|KEY:|5e5a/i)
      expect(output).toContain('postgres://[hidden]@db:5432/h?sslpassword=[hidden]')
      expect(output).toContain('HEARTH_DATABASE_URL')
    }
    expect(configJson(values)['admin.passphrase']).toEqual({ value: '[hidden]', origin: 'HEARTH_ADMIN_PASSPHRASE' })
  })

  test('the reference has an item for every setting', () => {
    const reference = configReference()
    for (const { setting } of values) {
      const given = setting.variable === undefined ? 'only in the file' : `\`${setting.variable}\``
      expect(reference.replaceAll(/\n */g, ' ')).toContain(`- \`${setting.name}\` (${given}`)
    }
  })
})
