import { describe, expect, test } from 'bun:test'
import { effectiveContext, ofContext, ownContext } from './contexts.ts'
import { ConfigError, loadConfig } from './load.ts'
import { proxyAddresses } from './proxies.ts'
import { configJson, showConfig } from './show.ts'

function load(text: string, configFile = '/etc/hearth/c.yaml') {
  return loadConfig({ flags: {}, env: {}, isRoot: false, home: '/home/ada', configFile, readFile: () => text })
}

function problemsOf(text: string): readonly string[] {
  try {
    load(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

/** What people who come from cozy-stack have in their files. */
const whole = `
mail: {noreply_address: noreply@example.org, host: 127.0.0.1, port: 5998, disable_tls: true}
fs:
  versioning:
    max_number_of_versions_to_keep: 7
    min_delay_between_two_versions: 0s
registries:
  default: [http://127.0.0.1:5997/]
  beta: []
office:
  default: {onlyoffice_url: http://office/, onlyoffice_inbox_secret: geheim-1}
clouderies:
  beta: {api: {url: http://manager/, token: geheim-2}}
contexts:
  default: {help_link: https://help.example.org/, debug: false}
  beta:
    debug: true
    anything: {of: [others]}
    features: [plain, {key: value}]
  empty:
authentication:
  beta:
    oidc: {client_id: a, client_secret: geheim-3, token_url: http://id/token, userinfo_url: http://id/info}
sync:
  roots: [photos, /srv/nas]
  entries:
    - {name: A, driver: local_storage, options: {root: ../a}}
    - {name: B, driver: s3, options: {bucket: b, secret_key: geheim-4, endpoint: 'http://me:geheim-5@s3/'}}
  rules:
    - {match: {path: /, mime: [image/*]}, sync: [A, B]}
appliance:
  endpoints: [backup]
  first-run: {word-length: 6}
trusted_proxies: [10.0.0.0/8, '::1']
workers: auto
jobs: {workers: {konnector: {concurrency: 2, timeout: 200s}}}
`

describe('maps and lists from the file', () => {
  const { config, values } = load(whole)

  test('are part of the configuration', () => {
    expect(config.fs.versioning).toEqual({ max_number_of_versions_to_keep: 7, min_delay_between_two_versions: 0 })
    expect(config.registries).toEqual({ default: ['http://127.0.0.1:5997/'], beta: [] })
    expect(config.contexts['beta']).toEqual({
      debug: true,
      anything: { of: ['others'] },
      features: ['plain', { key: 'value' }],
    })
    expect(config.sync.rules).toEqual([{ match: { path: '/', mime: ['image/*'] }, sync: ['A', 'B'] }])
    expect(config.appliance['first-run']).toEqual({ 'word-length': 6, enabled: true })
    expect(config.appliance.update.confirm_seconds).toBe(300)
    expect(config.jobs.workers).toEqual({ konnector: { concurrency: 2, timeout: 200 } })
    expect(config.workers).toBe('auto')
  })

  test('relative folders of storages count from the file', () => {
    expect(config.sync.roots).toEqual(['/etc/hearth/photos', '/srv/nas'])
    expect(config.sync.entries[0]?.options).toEqual({ root: '/etc/a' })
  })

  test('are shown with their origin and without their secrets', () => {
    for (const shown of [showConfig(values), JSON.stringify(configJson(values))]) expect(shown).not.toContain('geheim')
    expect(configJson(values)['office']).toEqual({
      value: { default: { onlyoffice_url: 'http://office/', onlyoffice_inbox_secret: '[hidden]' } },
      origin: '/etc/hearth/c.yaml:10',
    })
    expect(showConfig(values)).toContain('"token_url":"http://id/token"')
  })

  test('an empty or absent structure is the default', () => {
    const { config } = load('contexts:\nsync:\n')
    expect([config.contexts, config.sync.entries, config.appliance['first-run']]).toEqual([
      {},
      [],
      { 'word-length': 4, enabled: true },
    ])
  })

  test('a context has what it leaves out from default', () => {
    expect(effectiveContext(config, 'beta')).toMatchObject({ help_link: 'https://help.example.org/', debug: true })
    for (const name of [undefined, 'empty', 'unknown', 'constructor', '__proto__']) {
      expect(effectiveContext(config, name)).toEqual({ help_link: 'https://help.example.org/', debug: false })
    }
    expect([ownContext(config, 'empty'), ownContext(config, 'toString')]).toEqual([null, undefined])
    expect(ofContext(config.office, 'beta')?.onlyoffice_url).toBe('http://office/')
    expect(ofContext(config.clouderies, 'constructor')).toBeUndefined()
  })

  test('proxies are addresses and networks', () => {
    const proxies = proxyAddresses(config.trusted_proxies)
    expect([proxies.check('10.200.1.1'), proxies.check('11.0.0.1'), proxies.check('::1', 'ipv6')]).toEqual([
      true,
      false,
      true,
    ])
  })
})

describe('a mistake in a structure names the member, its line, the value and what is allowed', () => {
  const file = '/etc/hearth/c.yaml'
  test.each([
    ['contexts: 1\n', `contexts: 1 (${file}:1) is not allowed; allowed: a map of contexts, each a map`],
    [
      'contexts:\n  a: {}\n  b:\n    debug: perhaps\n',
      `contexts.b.debug: "perhaps" (${file}:4) is not allowed; allowed: true or false`,
    ],
    [
      'registries:\n  a:\n    - http://x/\n    - ftp://y/\n',
      `registries.a[1]: "ftp://y/" (${file}:4) is not allowed; allowed: a URL that begins with http:// or https://`,
    ],
    [
      'sync:\n  rules:\n    - match:\n        mine: [a/b]\n      sync: [A]\n',
      `${file}:4: unknown setting sync.rules[0].match.mine; did you mean mime?`,
    ],
    ['sync.entries:\n- name: A\n', `${file}:2: sync.entries[0].driver is missing; allowed: the name of a driver`],
    [
      'clouderies:\n  a:\n    api:\n      url: http://x\n      token: [geheim]\n',
      `clouderies.a.api.token: [hidden] (${file}:5) is not allowed; allowed: Invalid input: expected string, received array`,
    ],
    [
      'trusted_proxies: [10.0.0.0/33]\n',
      `trusted_proxies[0]: "10.0.0.0/33" (${file}:1) is not allowed; allowed: an IP address or a network such as 10.0.0.0/8`,
    ],
    ['fs:\n  versioning: 3\n', `${file}:2: fs.versioning is a section: its settings belong below it, indented`],
  ])('%j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem])
  })

  test('aliases that would grow without end are refused', () => {
    const bomb = 'a: &a [x,x,x,x,x,x,x,x,x,x]\n'
    const levels = ['b', 'c', 'd', 'e'].map((name, index) => {
      const below = 'abcd'[index]
      return `  ${name}: &${name} [${Array(10).fill(`*${below}`).join(',')}]\n`
    })
    const [problem] = problemsOf(`contexts:\n  ${bomb}${levels.join('')}`)
    expect(problem).toContain('Excessive alias count')
  })
})
