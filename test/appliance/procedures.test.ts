/** Settings, storage options, certificates, licence, downloads and hooks over the API. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { decipher } from '../../src/appliance/age.ts'
import { readTar } from '../../src/appliance/tar.ts'
import { selfSignedCertificate } from '../../src/self-signed.ts'
import { type ApplianceStage, openStage, type StageOptions } from '../support/appliance.ts'
import { type ApplianceClient, openApplianceClient } from '../support/appliance-client.ts'
import { runHearth } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-procedures-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function open(options: StageOptions = {}): Promise<{ stage: ApplianceStage; client: ApplianceClient }> {
  const stage = await openStage({ pauseMs: 50, ...options })
  await stage.appliance.token.setFirst('yourtoken')
  return { stage, client: openApplianceClient(`https://127.0.0.1:${stage.port}`) }
}

const json = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
const sendTo = (client: ApplianceClient, path: string, value: unknown) =>
  client.post(path, [{ name: 'settings', file: 'settings.json', content: json(value) }])

/** A hook that is a shell script. */
function hook(stage: ApplianceStage, verb: string, script: string): void {
  writeFileSync(join(stage.hooks, verb), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

describe('settings', () => {
  const seed = {
    network: {
      interface: 'eth0',
      hostname: 'test.host',
      ip_address: '192.168.1.100',
      netmask: '255.255.255.0',
      gateway: '192.168.1.1',
      dns1: '192.168.1.2',
      dns2: '192.168.1.3',
      ntpserver: 'pool.ntp.org',
    },
    app: { name: 'testapp' },
  }
  const network = { interface: 'eth0', hostname: 'test.host' }
  let stage: ApplianceStage
  let client: ApplianceClient
  beforeAll(async () => {
    ;({ stage, client } = await open({
      config: { hooks: { timeouts: { 'settings-apply': 1 } } },
      more: { hookGraceMs: 500 },
    }))
  })
  afterAll(async () => {
    client.close()
    await stage.close()
  })
  const settled = () => stage.appliance.settings.procedure.settled()

  test('are 404 before, and what was posted afterwards', async () => {
    expect((await client.get('/settings')).status).toBe(404)
    const answer = await sendTo(client, '/settings', seed)
    expect([answer.status, await answer.text(), answer.headers.get('location')]).toEqual([
      202,
      '{"Status":"202 Accepted","Location":"/api/v1/admin/settings"}',
      '/api/v1/admin/settings',
    ])
    expect(await (await client.get('/settings')).json()).toEqual(seed)
    expect(readFileSync(join(stage.root, 'etc', 'network.conf'), 'utf8')).toContain(
      "mode='static'\ninterface='eth0'\nip='192.168.1.100'\n",
    )
  })

  test.each([
    ['an interface of 2 characters', { network: { ...network, interface: 'e0' } }, 400],
    ['an interface of 15', { network: { ...network, interface: 'a'.repeat(15) } }, 400],
    ['an interface with a dot', { network: { ...network, interface: 'eth0.1' } }, 400],
    ['a host name of 2 characters', { network: { ...network, hostname: 'ab' } }, 400],
    ['a host name with an underscore', { network: { ...network, hostname: 'a_b' } }, 400],
    ['a time server with markup', { network: { ...network, ntpserver: '<script>alert(1)</script>' } }, 400],
    ['a prefix as netmask', { network: { ...network, netmask: '/8' } }, 202],
    ['a gateway of 46 characters', { network: { ...network, gateway: '1'.repeat(46) } }, 400],
    ['an empty optional value', { network: { ...network, dns1: '' } }, 400],
    ['a number as netmask', { network: { ...network, netmask: 24 } }, 400],
    ['an array', [], 400],
    ['a text', '"x"', 400],
    ['broken JSON', '{"network":', 400],
    ['nothing', '', 400],
    ['300 KiB', { network, app: { text: 'x'.repeat(300 * 1024) } }, 413],
    ['10,000 nested arrays', `{"network":{},"app":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 400],
    ['a prototype', '{"network":{"interface":"eth0","hostname":"abc"},"app":{"__proto__":{"x":1}}}', 400],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'), 400],
    ['nothing but the network', { network }, 202],
  ])('%s: %p', async (_name, value, status) => {
    expect((await sendTo(client, '/settings', value)).status).toBe(status)
    await settled()
  })

  test('reach the hook as JSON, and count only when it succeeds', async () => {
    const seen = join(folder, 'seen')
    hook(stage, 'settings-apply', `cat > ${seen}; echo "arg $# $1"; env | sort >> ${seen}.env; exit 0`)
    process.env['PLANTED_SECRET'] = 'planted'
    await sendTo(client, '/settings', { network: { ...network, ip_address: '10.0.0.2' }, app: { x: 1 } })
    await settled()
    expect(JSON.parse(readFileSync(seen, 'utf8'))).toEqual({
      mode: 'dhcp',
      network: { ...network, ip_address: '10.0.0.2' },
      app: { x: 1 },
    })
    expect(readFileSync(`${seen}.env`, 'utf8')).not.toContain('planted')
    hook(stage, 'settings-apply', 'echo "@error E1002 no such interface"; exit 1')
    expect((await sendTo(client, '/settings', seed)).status).toBe(202)
    await settled()
    expect(((await (await client.get('/settings')).json()) as typeof seed).app).toEqual({ x: 1 } as never)
    const detail = (await (await client.get('/settings', 'detail=1')).json()) as {
      job: { status: string; log: string }
    }
    expect(detail.job.status).toBe('failed')
    expect(detail.job.log).toContain('no such interface')
  })

  test.each([
    ['hangs', 'sleep 600'],
    ['hangs and cannot be asked to end', "trap '' TERM; sleep 600 & wait; sleep 600"],
    ['leaves children behind', 'sleep 601 & sleep 602 & exit 3'],
    ['forks and hangs', 'for i in 1 2 3 4 5 6 7 8; do sleep 603 & done; wait'],
  ])(
    'a hook that %s ends, with all that it started',
    async (_name, script) => {
      const marker = `hearth-hook-${Math.random().toString(36).slice(2)}`
      hook(stage, 'settings-apply', `exec 9>${join(folder, marker)}\n${script}`)
      await sendTo(client, '/settings', seed)
      await settled()
      expect(stage.appliance.settings.procedure.state?.status).toBe('failed')
      expect(holders(join(folder, marker))).toEqual([])
    },
    30_000,
  )

  test('a hook that floods its output ends in time and its log stays small', async () => {
    hook(
      stage,
      'settings-apply',
      'yes "a line of output" | head -c 50000000; head -c 10000000 /dev/zero | tr "\\0" x; exit 0',
    )
    await sendTo(client, '/settings', seed)
    await settled()
    const log = readFileSync(join(stage.root, 'log', 'update_settings.log'))
    expect(log.length).toBeLessThan(12 * 1024 ** 2)
    expect(
      Math.max(
        ...log
          .toString('latin1')
          .split('\n')
          .map((line) => line.length),
      ),
    ).toBeLessThan(4_200)
  }, 60_000)

  test.each([
    ['can be written by everybody', (file: string) => chmodSync(file, 0o777)],
    [
      'is a link to outside',
      (file: string) => {
        rmSync(file)
        symlinkSync('/bin/true', file)
      },
    ],
    ['is not executable', (file: string) => chmodSync(file, 0o600)],
    [
      'is a folder',
      (file: string) => {
        rmSync(file)
        mkdirSync(file)
      },
    ],
  ])('a hook that %s is refused', async (_name, spoil) => {
    const file = join(stage.hooks, 'settings-apply')
    rmSync(file, { recursive: true, force: true })
    hook(stage, 'settings-apply', 'exit 0')
    spoil(file)
    await sendTo(client, '/settings', seed)
    await settled()
    expect(stage.appliance.settings.procedure.state?.status).toBe('failed')
    expect(readFileSync(join(stage.root, 'log', 'jidoteki-audit.log'), 'utf8')).toContain(
      'hook.refused,"settings-apply"',
    )
    rmSync(file, { recursive: true, force: true })
  })
})

/** Processes that hold a file open. */
function holders(file: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => linkAt(`/proc/${pid}/fd/${fd}`) === file)
    } catch {
      return false
    }
  })
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

describe('storage options', () => {
  let stage: ApplianceStage
  let client: ApplianceClient
  beforeAll(async () => {
    ;({ stage, client } = await open({
      prepare: ({ system }) =>
        writeFileSync(join(system, 'storage-options.json'), '{"options":["local","nfs","nbd","iscsi"]}'),
    }))
  })
  afterAll(async () => {
    client.close()
    await stage.close()
  })
  const nfs = { type: 'nfs', mount_options: 'noacl,sync', ip: '192.168.1.100', share: '/nfs/storage' }
  const iscsi = {
    type: 'iscsi',
    target: 'iqn.2016-01.com.example:storage.lun1',
    ip: '192.168.1.100',
    username: 'user',
    password: 'pass',
  }
  const nbd = { type: 'nbd', export_name: 'otherexport', ip: '192.168.1.100', port: '1043' }

  test.each([
    [{ type: 'local' }, 202],
    [nfs, 202],
    [iscsi, 202],
    [nbd, 202],
    [{ type: 'aoe', device: 'e0.1' }, 400],
    [{ type: 'cifs' }, 400],
    [{ ...nfs, share: undefined }, 400],
    [{ ...iscsi, username: 'ab' }, 400],
    [{ ...nbd, port: 70_000 }, 202],
    [{ ...nbd, port: 'abc' }, 400],
    [{ ...nbd, port: '123456' }, 400],
  ])('%p: %d', async (storage, status) => {
    const before = await (await client.get('/storage')).text()
    expect((await sendTo(client, '/storage', { storage })).status).toBe(status)
    const after = await (await client.get('/storage')).text()
    if (status === 400) expect(after).toBe(before)
    else {
      const shown = 'port' in storage ? { ...storage, port: String(storage.port) } : storage
      expect(JSON.parse(after)).toEqual({ storage: shown, options: ['local', 'nfs', 'nbd', 'iscsi'] } as never)
    }
  })

  test('a shell that reads the file for boot scripts gets the value and runs nothing of it', async () => {
    const password = `a"$(touch${'$'}{IFS}/tmp/hearth-planted)'\`x\`;`
    expect((await sendTo(client, '/storage', { storage: { ...iscsi, password } })).status).toBe(202)
    const script = `. ${join(stage.root, 'etc', 'storage.conf')}; printf %s "$password"`
    expect(spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout).toBe(password)
    expect(existsSync('/tmp/hearth-planted')).toBe(false)
  })
})

describe('certificates', () => {
  const pki = join(folder, 'pki')
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: pki, stdio: 'ignore' })
  const available = spawnSync('openssl', ['version']).status === 0
  if (!available) console.warn('skipped: certificates made by openssl, which is not on PATH')
  let stage: ApplianceStage
  let client: ApplianceClient
  beforeAll(async () => {
    ;({ stage, client } = await open())
    if (!available) return
    mkdirSync(pki)
    const name = (cn: string) => ['-subj', `/CN=${cn}`, '-addext', `subjectAltName=DNS:${cn}`]
    for (const own of ['a', 'b']) {
      openssl(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${own}.key`,
        '-out',
        `${own}.pem`,
        '-days',
        '90',
        ...name(own),
      )
    }
    openssl('rsa', '-in', 'a.key', '-out', 'a.rsa', '-traditional')
    openssl('rsa', '-in', 'a.key', '-aes256', '-passout', 'pass:secret', '-out', 'encrypted.key')
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:1024',
      '-nodes',
      '-keyout',
      'small.key',
      '-out',
      'small.pem',
      ...name('small'),
    )
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'ec.key',
      '-out',
      'ec.pem',
      ...name('ec'),
    )
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca')
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf')
    openssl(
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      'leaf.pem',
      '-days',
      '90',
    )
    const expired = await selfSignedCertificate({ names: ['expired'], notBefore: new Date(0), days: 1 })
    writeFileSync(join(pki, 'expired.pem'), expired.cert)
    writeFileSync(join(pki, 'expired.key'), expired.key)
    writeFileSync(join(pki, 'garbage'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    writeFileSync(join(pki, 'crlf.pem'), readFileSync(join(pki, 'b.pem'), 'utf8').replaceAll('\n', '\r\n'))
  }, 60_000)
  afterAll(async () => {
    client.close()
    await stage.close()
  })
  const served = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: stage.port, rejectUnauthorized: false }, () => {
        resolve(new X509Certificate(socket.getPeerCertificate().raw).subject)
        socket.destroy()
      }).on('error', reject)
    })
  const send = async (files: Readonly<Record<string, string>>) => {
    const parts = Object.entries(files).map(([name, file]) => ({ name, file, content: readFileSync(join(pki, file)) }))
    const { status } = await client.post('/certs', parts)
    if (status !== 202) return { status }
    return client.until('/certs', (state) => state['status'] !== 'running')
  }

  test('are null before', async () => {
    expect(await (await client.get('/certs')).text()).toBe('{"status":null,"log":null}')
  })

  test.skipIf(!available)('a pair is exchanged while a slow request goes on', async () => {
    const slow = new Promise<number>((resolve, reject) => {
      const agent = { rejectUnauthorized: false, agent: false } as const
      get({ host: '127.0.0.1', port: stage.port, path: '/api/v1/admin/logs?token=yourtoken', ...agent }, (response) => {
        setTimeout(() => response.resume().on('end', () => resolve(response.statusCode ?? 0)), 300)
      }).on('error', reject)
    })
    expect(await send({ public: 'a.pem', private: 'a.rsa' })).toMatchObject({ status: 'success' })
    expect(await served()).toBe('CN=a')
    expect(await slow).toBe(200)
    expect(await send({ public: 'ec.pem', private: 'ec.key' })).toMatchObject({ status: 'success' })
    expect(await served()).toBe('CN=ec')
    expect(await send({ public: 'leaf.pem', private: 'leaf.key', ca: 'ca.pem' })).toMatchObject({ status: 'success' })
    expect(await served()).toBe('CN=leaf')
    expect(await send({ public: 'crlf.pem', private: 'b.key', ca: 'b.pem' })).toMatchObject({ status: 'success' })
    expect(await served()).toBe('CN=b')
  })

  test.skipIf(!available).each([
    ['a key of another certificate', { public: 'a.pem', private: 'ec.key' }],
    ['an enciphered key', { public: 'a.pem', private: 'encrypted.key' }],
    ['a key that is too small', { public: 'small.pem', private: 'small.key' }],
    ['garbage', { public: 'garbage', private: 'a.key' }],
    ['an expired certificate', { public: 'expired.pem', private: 'expired.key' }],
    ['an unrelated ca', { public: 'a.pem', private: 'a.key', ca: 'ca.pem' }],
    ['the fields exchanged', { public: 'a.key', private: 'a.pem' }],
  ])('%s changes nothing', async (_name, files) => {
    const before = await served()
    const state = await send(files)
    expect(state['status' as never]).toBe('failed' as never)
    expect(await served()).toBe(before)
  })

  test.skipIf(!available)('a missing file is 400, and the uploaded pair is there after a restart', async () => {
    expect(await send({ public: 'a.pem' })).toEqual({ status: 400 })
    expect(await send({ private: 'a.key' })).toEqual({ status: 400 })
    expect(readFileSync(join(stage.root, 'pki', 'current', 'key.pem'), 'utf8')).toContain('BEGIN PRIVATE KEY')
    expect(readFileSync(join(stage.root, 'log', 'update_certs.log'), 'utf8')).not.toContain('PRIVATE')
  })
})

describe('the licence', () => {
  const license = {
    app: 'enterprise',
    users: 20,
    expires: '19 January 2038',
    name: 'Enterprise Company',
    contact: 'cto@enterprise',
  }

  test('is shown when it is valid, and a bad one never replaces it', async () => {
    const keys = join(folder, 'keys')
    await runHearth(['appliance', 'keygen', keys])
    writeFileSync(join(folder, 'license.json'), JSON.stringify({ more: 1, ...license }))
    const made = await runHearth([
      'appliance',
      'license',
      join(folder, 'license.json'),
      join(folder, 'license.asc'),
      '--keys',
      keys,
    ])
    expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('wrote')])
    const { stage, client } = await open({
      prepare({ root }) {
        for (const name of ['license.identity', 'license.pub']) copyFileSync(join(keys, name), join(root, 'etc', name))
      },
    })
    const send = (content: Uint8Array | string) =>
      client.post('/license', [{ name: 'license', file: 'license.asc', content }])
    expect((await client.get('/license')).status).toBe(404)
    expect((await send('garbage')).status).toBe(404)
    const file = readFileSync(join(folder, 'license.asc'))
    const answer = await send(file)
    expect([answer.status, await answer.text()]).toEqual([200, JSON.stringify(license)])
    const other = join(folder, 'other')
    await runHearth(['appliance', 'keygen', other])
    copyFileSync(join(keys, 'license.recipient'), join(other, 'license.recipient'))
    await runHearth(['appliance', 'license', join(folder, 'license.json'), join(folder, 'forged.asc'), '--keys', other])
    for (const bad of [readFileSync(join(folder, 'forged.asc')), file.subarray(0, 200), Buffer.alloc(0)]) {
      expect((await send(bad)).status).toBe(404)
    }
    expect((await client.post('/license', [{ name: 'license', content: 'text' }])).status).toBe(400)
    expect(await (await client.get('/license')).text()).toBe(JSON.stringify(license))
    client.close()
    await stage.close()
  }, 60_000)
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function entries(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  for await (const { name, body } of readTar(once(bytes))) {
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(Buffer.from(chunk))
    found.set(name, Buffer.concat(chunks))
  }
  return found
}

describe('downloads for support', () => {
  test('logs are a gzipped tar without links and without the token', async () => {
    const { stage, client } = await open()
    symlinkSync(join(stage.root, 'etc', 'api.token'), join(stage.root, 'log', 'link.log'))
    writeFileSync(join(stage.root, 'log', 'own.log'), 'a line\n')
    const answer = await client.get('/logs')
    expect(answer.headers.get('filename')).toBe('logs.tar.gz')
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="logs.tar.gz"')
    expect(answer.headers.get('content-type')).toBe('application/octet-stream')
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(answer.headers.get('content-length')).toBe(String(bytes.length))
    const files = await entries(gunzipSync(bytes))
    expect([...files.keys()]).toEqual(['appliance/own.log'])
    expect(readdirSync(stage.appliance.places.uploads)).toEqual([])
    client.close()
    await stage.close()
  })

  test('the debug bundle holds enciphered archives only, which its recipient can open', async () => {
    const { stage, client } = await open()
    const answer = await client.get('/debug')
    expect(answer.headers.get('filename')).toBe('debug-bundle.tar')
    const files = await entries(Buffer.from(await answer.arrayBuffer()))
    expect([...files.keys()]).toEqual(['debug.tar.gz.age', 'logs.tar.gz.age'])
    const identity = readFileSync(join(stage.root, 'etc', 'support.identity'), 'utf8').trim()
    const chunks: Uint8Array[] = []
    for await (const chunk of await decipher([identity], once(files.get('debug.tar.gz.age')!))) chunks.push(chunk)
    const inside = await entries(gunzipSync(Buffer.concat(chunks)))
    expect([...inside.keys()]).toEqual(expect.arrayContaining(['proc/meminfo.txt', 'proc/loadavg.txt']))
    for (const bytes of inside.values()) expect(bytes.toString('latin1')).not.toContain('yourtoken')
    client.close()
    await stage.close()
  })

  test('a recipient that is none is 400, and a bundle that is turned off 404', async () => {
    const bad = await open({ config: { update: { recipients: ['age1nobody'] } } })
    expect((await bad.client.get('/debug')).status).toBe(400)
    const off = await open({ config: { debug: { enabled: false } } })
    expect((await off.client.get('/debug')).status).toBe(404)
    for (const { stage, client } of [bad, off]) {
      client.close()
      await stage.close()
    }
  })

  test('a reboot calls the hook once, after the answer; without a hook it is only logged', async () => {
    const { stage, client } = await open()
    const marker = join(folder, 'rebooted')
    hook(stage, 'reboot', `echo once >> ${marker}`)
    const answer = await client.get('/reboot')
    expect([answer.status, await answer.text(), answer.headers.get('location')]).toEqual([
      202,
      '{"Status":"202 Accepted"}',
      null,
    ])
    expect(existsSync(marker)).toBe(false)
    await client.get('/reboot')
    const deadline = Date.now() + 20_000
    while (!existsSync(marker) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
    expect(readFileSync(marker, 'utf8')).toBe('once\n')
    client.close()
    await stage.close()
  }, 30_000)
})

test('services are listed from the list of processes, this one first', async () => {
  const { stage, client } = await open({
    config: { services: ['openssh', 'cron', 'jidoteki-admin-api', '-x', 'a b'], paths: { proc: 'SYSTEM/proc' } },
    prepare({ system }) {
      mkdirSync(join(system, 'proc', '12'), { recursive: true })
      writeFileSync(join(system, 'proc', '12', 'comm'), 'sshd\n')
    },
  })
  expect(await (await client.get('/services')).text()).toBe(
    '{"services":[{"jidoteki-admin-api":"running"},{"openssh":"running"},{"cron":"not running"},{"a":"not running"},{"b":"not running"}]}',
  )
  client.close()
  await stage.close()
})
