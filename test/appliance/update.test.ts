/** Update packages as the command makes them, through the API, and a whole server updated and killed on the way. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deriveKey } from '../../src/appliance/update/openssl-package.ts'
import { compareVersions, parseVersion } from '../../src/appliance/update/version.ts'
import { type ApplianceStage, openStage, type StageOptions } from '../support/appliance.ts'
import { type ApplianceClient, openApplianceClient } from '../support/appliance-client.ts'
import { hearthCommand, runHearth } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-update-'))
const keys = join(folder, 'keys')
const imageKeys = ['updates.identity', 'updates.signers', 'license.identity', 'license.pub']
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(async () => {
  expect((await runHearth(['appliance', 'keygen', keys])).code).toBe(0)
}, 60_000)

let count = 0
/** A package of these files, made by the command. */
async function pack(
  version: string,
  files: Readonly<Record<string, string>>,
  more: readonly string[] = [],
  from = keys,
) {
  const payload = join(folder, `payload-${count++}`)
  mkdirSync(payload)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(payload, name, '..'), { recursive: true })
    writeFileSync(join(payload, name), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 })
  }
  const file = join(folder, `package-${count}.enc`)
  const made = await runHearth([
    'appliance',
    'package',
    payload,
    file,
    '--keys',
    from,
    '--package-version',
    version,
    ...more,
  ])
  expect([made.code, made.code === 0 ? '' : made.stderr]).toEqual([0, ''])
  return readFileSync(file)
}

const hello = (version: string, script = 'exit 0') => ({
  hearth: `#!/bin/sh\n${script}\n`,
  'version.txt': `${version}\n`,
})

async function open(options: StageOptions = {}): Promise<{ stage: ApplianceStage; client: ApplianceClient }> {
  const stage = await openStage({
    ...options,
    prepare(folders) {
      for (const name of imageKeys) copyFileSync(join(keys, name), join(folders.root, 'etc', name))
      writeFileSync(join(folders.root, 'etc', 'version.txt'), '1.0.0\n')
      options.prepare?.(folders)
    },
  })
  await stage.appliance.token.setFirst('yourtoken')
  return { stage, client: openApplianceClient(`https://127.0.0.1:${stage.port}`) }
}

const send = (client: ApplianceClient, content: Uint8Array) =>
  client.post('/update', [{ name: 'update', file: 'software.enc', content }])
const ended = (client: ApplianceClient) => client.until('/update', ({ status }) => status !== 'running')

describe('packages of ours', () => {
  let stage: ApplianceStage
  let client: ApplianceClient
  beforeAll(async () => {
    ;({ stage, client } = await open())
  })
  afterAll(async () => {
    client.close()
    await stage.close()
  })
  const staging = () => readdirSync(stage.appliance.places.staging)

  test('a newer version is installed beside, and the machine says so', async () => {
    const answer = await send(client, await pack('1.1.0', { ...hello('1.1.0'), 'changelog.txt': '# new\n' }))
    expect([answer.status, answer.headers.get('location')]).toEqual([202, '/api/v1/admin/update'])
    expect(await ended(client)).toMatchObject({ status: 'success', percentage: 100 })
    expect(await (await client.get('/version')).json()).toEqual({ version: '1.1.0' })
    expect(await (await client.get('/changelog')).text()).toBe('# new\n')
    expect(existsSync(join(stage.root, 'current', 'hearth'))).toBe(true)
    expect(staging()).toEqual([])
  })

  test('the state has its members in order, and the log its last ten lines', async () => {
    const text = await (await client.get('/update')).text()
    expect(text).toMatch(/^\{"status":"success","percentage":100,"log":"/)
    for (let run = 0; run < 3; run++) {
      await send(client, Buffer.from('rubbish'))
      await ended(client)
    }
    const state = (await (await client.get('/update')).json()) as { log: string }
    expect(state.log.split('\n')).toHaveLength(10)
    expect(await (await client.get('/update')).text()).toMatch(/"error-message":"[^"]+","error-code":"E1005"\}$/)
    expect((await (await client.get('/update/log')).text()).split('\n').length).toBeGreaterThan(10)
  })

  test.each([
    ['the same version', '1.1.0', /already up-to-date/],
    ['an older version', '1.0.5', /too old/],
  ])('%s is refused at 60 and nothing is installed', async (_name, version, message) => {
    await send(client, await pack(version, hello(version)))
    const state = await ended(client)
    expect(state).toMatchObject({ status: 'failed', percentage: 60, 'error-code': 'E1001' })
    expect(state['error-message']).toMatch(message)
    expect(readdirSync(stage.appliance.places.releases)).toEqual(['1.1.0'])
  })

  test.each([
    ['another product', ['--product', 'toaster', '--installer', 'hearth'], /for toaster/],
    ['another processor', ['--arch', process.arch === 'arm64' ? 'amd64' : 'arm64'], /is for/],
    ['a version that must come first', ['--min-from', '1.5.0'], /from v1.5.0 on/],
  ])('a package for %s is refused', async (_name, more, message) => {
    await send(client, await pack('2.0.0', hello('2.0.0'), more))
    const state = await ended(client)
    expect(state).toMatchObject({ status: 'failed', percentage: 60, 'error-code': 'E1001' })
    expect(state['error-message']).toMatch(message)
  })

  test('changed, cut and foreign packages are refused before anything of them is on disk', async () => {
    const good = await pack('2.0.0', { ...hello('2.0.0'), big: 'x'.repeat(300_000) })
    const others = join(folder, 'other-keys')
    await runHearth(['appliance', 'keygen', others])
    const foreignSigner = join(folder, 'foreign-signer')
    mkdirSync(foreignSigner)
    copyFileSync(join(others, 'updates.signer'), join(foreignSigner, 'updates.signer'))
    copyFileSync(join(keys, 'updates.recipient'), join(foreignSigner, 'updates.recipient'))
    const flipped = Buffer.from(good)
    flipped[150_000] = (flipped[150_000] ?? 0) ^ 1
    const cases: [string, Uint8Array, number, string][] = [
      ['one byte changed', flipped, 30, 'E1005'],
      ['cut', good.subarray(0, good.length - 1_000), 30, 'E1005'],
      ['enciphered for another machine', await pack('2.0.0', hello('2.0.0'), [], others), 30, 'E1005'],
      ['signed by another', await pack('2.0.0', hello('2.0.0'), [], foreignSigner), 40, 'E1005'],
      ['random', crypto.getRandomValues(new Uint8Array(5_000)), 30, 'E1005'],
      ['empty', new Uint8Array(0), 20, 'E1003'],
    ]
    for (const [name, bytes, percentage, code] of cases) {
      expect((await send(client, bytes)).status).toBe(202)
      const state = await ended(client)
      expect([name, state['status'], state['percentage'], state['error-code']]).toEqual([
        name,
        'failed',
        percentage,
        code,
      ])
      expect(staging()).toEqual([])
    }
    expect(readdirSync(stage.appliance.places.releases)).toEqual(['1.1.0'])
  }, 60_000)

  test('a program that does not start is not installed', async () => {
    await send(client, await pack('2.0.0', hello('2.0.0', 'echo broken >&2; exit 1')))
    expect(await ended(client)).toMatchObject({ status: 'failed', percentage: 70, 'error-code': 'E1002' })
    expect(await (await client.get('/version')).json()).toEqual({ version: '1.1.0' })
  })

  test('only one runs: the second is refused and the first goes on', async () => {
    const slow = await pack('2.0.0', { 'install.sh': '#!/bin/sh\nsleep 1\n' }, ['--installer', 'install.sh'])
    expect((await send(client, slow)).status).toBe(202)
    const second = await send(client, slow)
    expect([second.status, await second.json()]).toEqual([
      400,
      { Status: '400 Bad Request', 'Error-Message': 'Update is already running', 'error-code': 'E1004' },
    ])
    const other = await client.post('/certs', [{ name: 'public', file: 'x', content: 'x' }])
    expect(other.status).toBe(400)
    expect(await ended(client)).toMatchObject({ status: 'success', percentage: 100 })
  })

  test.each([
    ['exit 1', 'E1002', 'Error running update'],
    ['echo "disk full" > "$(dirname "$0")/../../etc/status_error_message.txt"; exit 3', 'E1002', 'disk full'],
  ])('an installer that fails (%s) is reported', async (script, code, message) => {
    await send(client, await pack('3.0.0', { 'install.sh': `#!/bin/sh\n${script}\n` }, ['--installer', 'install.sh']))
    expect(await ended(client)).toMatchObject({
      status: 'failed',
      percentage: 80,
      'error-code': code,
      'error-message': message,
    })
  })
})

describe('a package whose new version must show that it serves', () => {
  const script = (port: string) => `#!/bin/sh\necho ${port} "$@"\n`
  async function installed(options: StageOptions = {}) {
    const kept = mkdtempSync(join(tmpdir(), 'hearth-appliance-'))
    let restarts = 0
    const restart = async () => {
      restarts += 1
      return true
    }
    const { stage, client } = await open({ ...options, folder: kept, keep: true, more: { restart } })
    await send(client, await pack('1.1.0', { ...hello('1.1.0'), extra: script('1') }))
    await client.until('/update', ({ percentage }) => percentage === 90)
    client.close()
    await stage.close()
    expect(restarts).toBe(1)
    return kept
  }
  const again = (kept: string, release: string | undefined, config = {}) =>
    openStage({
      folder: kept,
      keep: true,
      config: { update: { confirm_seconds: 1 }, ...config },
      more: { release, restart: async () => true },
    })

  test('is confirmed when it serves for a while', async () => {
    const kept = await installed()
    const stage = await again(kept, join(kept, 'admin', 'current'.replace('current', 'releases/1.1.0')))
    const client = openApplianceClient(`https://127.0.0.1:${stage.port}`)
    expect(await (await client.get('/update')).json()).toMatchObject({ status: 'running', percentage: 90 })
    stage.appliance.serving(async () => {})
    expect(await ended(client)).toMatchObject({ status: 'success', percentage: 100 })
    expect(await (await client.get('/version')).json()).toEqual({ version: '1.1.0' })
    expect(existsSync(join(kept, 'admin', 'releases', '1.1.0', 'confirmed'))).toBe(true)
    client.close()
    await stage.close()
    rmSync(kept, { recursive: true })
  }, 60_000)

  test.each([
    ['does not serve', '1.1.0', true],
    ['did not start, so that the old one runs', undefined, false],
  ])(
    'is taken back when it %s',
    async (_name, release, serves) => {
      const kept = await installed()
      const stage = await again(kept, release && join(kept, 'admin', 'releases', release))
      const client = openApplianceClient(`https://127.0.0.1:${stage.port}`)
      if (serves) stage.appliance.serving(() => Promise.reject(new Error('no answer')))
      const state = await ended(client)
      expect(state).toMatchObject({ status: 'failed', 'error-code': 'E1002' })
      expect(await (await client.get('/version')).json()).toEqual({ version: '1.0.0' })
      expect(existsSync(join(kept, 'admin', 'current'))).toBe(false)
      expect(readFileSync(join(kept, 'admin', 'log', 'jidoteki-audit.log'), 'utf8')).toContain('update.rollback')
      client.close()
      await stage.close()
      rmSync(kept, { recursive: true })
    },
    60_000,
  )

  test('is taken back after two starts without a confirmation', async () => {
    const kept = await installed()
    const release = join(kept, 'admin', 'releases', '1.1.0')
    for (let start = 0; start < 2; start++) await (await again(kept, release)).close()
    const stage = await again(kept, release)
    const client = openApplianceClient(`https://127.0.0.1:${stage.port}`)
    expect(await ended(client)).toMatchObject({ status: 'failed', 'error-code': 'E1002' })
    expect(await (await client.get('/version')).json()).toEqual({ version: '1.0.0' })
    client.close()
    await stage.close()
    rmSync(kept, { recursive: true })
  }, 60_000)
})

describe('a process that is killed in the middle of an update', () => {
  const child = join(import.meta.dirname, 'update-child.ts')
  const places = [
    'update:decrypted',
    'update:verified',
    'update:unpacked',
    'update:placed',
    'update:noted',
    'update:switched',
  ]
  test.each(places)(
    'at %s: the next start has the old version, whole, and says what happened',
    async (place) => {
      const kept = mkdtempSync(join(tmpdir(), 'hearth-appliance-'))
      const { stage, client } = await open({ folder: kept, keep: true })
      client.close()
      await stage.close()
      const file = join(kept, 'package.enc')
      writeFileSync(file, await pack('1.1.0', hello('1.1.0')))
      const passed = join(kept, 'passed')
      const [program] = hearthCommand()
      const runner = process.env['HEARTH_TEST_BINARY'] ? process.execPath : program
      const run = Bun.spawn([runner, child, kept, file], {
        env: { ...process.env, HEARTH_TEST_FAILPOINT: place, HEARTH_TEST_FAILPOINT_LOG: passed },
        stdout: 'ignore',
        stderr: 'ignore',
      })
      await run.exited
      expect(run.signalCode).toBe('SIGKILL')
      expect(readFileSync(passed, 'utf8').trim().split('\n').at(-1)).toBe(place)
      const after = await openStage({ folder: kept, keep: true })
      const asking = openApplianceClient(`https://127.0.0.1:${after.port}`)
      expect(await ended(asking)).toMatchObject({ status: 'failed', 'error-code': 'E1002' })
      expect(await (await asking.get('/version')).json()).toEqual({ version: '1.0.0' })
      expect(existsSync(join(kept, 'admin', 'current'))).toBe(false)
      expect(readdirSync(after.appliance.places.staging)).toEqual([])
      await send(asking, readFileSync(file))
      expect(await ended(asking)).toMatchObject({ status: 'success', percentage: 100 })
      asking.close()
      await after.close()
      rmSync(kept, { recursive: true })
    },
    60_000,
  )
})

test.each([
  ['1.0.0', '2.0.0'],
  ['2.0.0', '2.1.0'],
  ['2.1.0', '2.1.1'],
  ['1.0.0-alpha', '1.0.0-alpha.1'],
  ['1.0.0-alpha.1', '1.0.0-alpha.beta'],
  ['1.0.0-alpha.beta', '1.0.0-beta'],
  ['1.0.0-beta.2', '1.0.0-beta.11'],
  ['1.0.0-beta.11', '1.0.0-rc.1'],
  ['1.0.0-rc.1', '1.0.0'],
])('%s is older than %s', (older, newer) => {
  const [one, other] = [parseVersion(older), parseVersion(newer)]
  expect(compareVersions(one!, other!)).toBeLessThan(0)
  expect(compareVersions(other!, one!)).toBeGreaterThan(0)
})

test('keys of openssl packages are derived as openssl derives them', () => {
  const salt = Buffer.from('0102030405060708', 'hex')
  const hex = ({ key, iv }: { key: Buffer; iv: Buffer }) => [key.toString('hex'), iv.toString('hex')]
  expect(hex(deriveKey('testpass', salt, 'sha256'))).toEqual([
    'f920644b636e5ec6d2d8d238e7ca16f4cdcc9db3d1db3addb30db48980471953',
    'd3d95307adaa32f8db7c47c42dda276c',
  ])
  expect(hex(deriveKey('testpass', salt, 'md5'))).toEqual([
    '97ede0670a22b5184fa736710eeb02bbe927bf1e88cc58cd5b66ca36334d7a4b',
    'ef0b788266a54ad97490344bbed41df8',
  ])
})
