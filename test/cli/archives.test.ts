/** `hearth export` and `hearth import` when something is in the way, and the admin routes that they use. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, newAccount } from '../move/account.ts'
import { hearthCommand, hearthEnvironment, runHearth, sharedServer, type TestServer } from '../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-archives-'))
const large = randomBytes(11 * 1024 ** 2)
let server: TestServer
let source: Account
let target: Account

type Intercept = (call: { method: string; path: string; range: string | undefined }, answer: ServerResponse) => boolean
/** Between the command and the server: what it answers itself does not arrive. */
let intercept: Intercept = () => false
/** Bytes after which an answer breaks off; once. */
let cutAfter: number | undefined
let proxy: Server
const calls: { method: string; path: string; range: string | undefined }[] = []

beforeAll(async () => {
  server = await sharedServer()
  source = await newAccount(server, 'from.archives.test')
  target = await newAccount(server, 'to.archives.test')
  await source.ask('PUT', '/data/org.example.bills/one', { n: 1 })
  await source.ask('PUT', '/data/org.example.notes/two', { n: 2 })
  expect((await source.send('POST', '/files/?Type=file&Name=large.bin', large)).status).toBe(201)
  const to = new URL(server.adminUrl)
  proxy = createServer((incoming, answer) => {
    const { method = '', url: path = '', headers } = incoming
    const call = { method, path, range: headers.range }
    calls.push(call)
    if (intercept(call, answer)) return void incoming.resume()
    const onward = request({ host: to.hostname, port: to.port, method, path, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 500, got.headers)
      const limit = path.includes('/data') ? cutAfter : undefined
      if (limit === undefined) return void got.pipe(answer)
      cutAfter = undefined
      let seen = 0
      got.on('data', (chunk: Buffer) => {
        seen += chunk.length
        answer.write(chunk)
        if (seen < limit) return
        got.destroy()
        answer.destroy()
      })
    })
    onward.on('error', () => answer.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
}, 60_000)
afterAll(() => {
  proxy.close()
  rmSync(folder, { recursive: true, force: true })
})

const environment = () => ({
  HEARTH_ADMIN_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
  HEARTH_ADMIN_PASSPHRASE: server.passphrase,
})
const hearth = (...args: string[]) => runHearth(args, { env: environment() })

interface Told {
  readonly parts: readonly { readonly file: string; readonly bytes: number; readonly fetched: number }[]
}

describe('an export', () => {
  const dir = join(folder, 'export')

  test('that breaks off goes on by itself where it was', async () => {
    cutAfter = 3_000_000
    calls.length = 0
    const { code, stdout } = await hearth('export', source.domain, '-o', dir, '--json')
    expect(code).toBe(0)
    const [part] = (JSON.parse(stdout) as Told).parts
    expect(part?.fetched).toBe(part?.bytes)
    const ranges = calls.filter(({ path }) => path.includes('/data')).map(({ range }) => range)
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=\d{7,}-$/)])
    execFileSync('unzip', ['-tqq', part?.file ?? ''])
  }, 60_000)

  test('that is complete is neither made nor fetched again, but for --new', async () => {
    const made = readFileSync(join(dir, 'from.archives.test.export.json'), 'utf8')
    calls.length = 0
    expect(await hearth('export', source.domain, '-o', dir)).toMatchObject({
      code: 0,
      stdout: `${join(dir, 'from.archives.test.zip')}\n`,
      stderr: expect.stringMatching(/^from\.archives\.test is in one file of 12 MB, made 20/),
    })
    expect(calls).toEqual([])
    // What was there stays until there is something in its place.
    intercept = ({ method }, answer) => {
      if (method === 'POST') answer.writeHead(500).end()
      return method === 'POST'
    }
    expect((await hearth('export', source.domain, '-o', dir, '--new')).code).not.toBe(0)
    intercept = () => false
    execFileSync('unzip', ['-tqq', join(dir, 'from.archives.test.zip')])
    expect((await hearth('export', source.domain, '-o', dir, '--new')).code).toBe(0)
    const again = readFileSync(join(dir, 'from.archives.test.export.json'), 'utf8')
    expect(JSON.parse(again).export).not.toBe(JSON.parse(made).export)
    expect(readdirSync(dir).sort()).toEqual(['from.archives.test.export.json', 'from.archives.test.zip'])
  }, 60_000)

  test('whose archive the server has given up is made anew', async () => {
    rmSync(join(dir, 'from.archives.test.zip'))
    expect((await hearth('export', source.domain, '-o', join(folder, 'another'))).code).toBe(0)
    expect((await hearth('export', source.domain, '-o', dir)).code).toBe(0)
    execFileSync('unzip', ['-tqq', join(dir, 'from.archives.test.zip')])
  }, 60_000)

  test('on a terminal shows how far it is; elsewhere nothing is said', async () => {
    const quiet = await hearth('export', source.domain, '-o', join(folder, 'quiet'), '--json')
    expect([quiet.code, quiet.stderr]).toEqual([0, ''])
    const command = [...hearthCommand(), 'export', source.domain, '-o', join(folder, 'loud')]
    const quoted = command.map((word) => `'${word}'`).join(' ')
    // The proxy is in this process: it must not be blocked.
    const child = spawn('script', ['-qec', quoted, '/dev/null'], { env: hearthEnvironment(environment()) })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    const status = await new Promise((done) => child.once('close', done))
    expect([status, stdout]).toEqual([0, expect.stringContaining('Downloading from.archives.test')])
    expect(stdout).toMatch(/[█░]{20} +\d+ % {2}/)
  }, 60_000)
})

describe('an import', () => {
  const dir = join(folder, 'import')
  const total = () => JSON.parse(readFileSync(join(dir, 'from.archives.test.export.json'), 'utf8')).parts[0].length

  beforeAll(async () => {
    expect((await hearth('export', source.domain, '-o', dir)).code).toBe(0)
    await target.ask('PUT', '/data/org.example.bills/former', { n: 0 })
  }, 60_000)

  test('that broke off sends what is missing only', async () => {
    let pieces = 0
    intercept = ({ path }, answer) => {
      if (!path.includes('/pieces/') || pieces++ < 2) return false
      answer.writeHead(507).end('full')
      return true
    }
    const broken = await hearth('import', target.domain, dir, '--yes')
    expect([broken.code, broken.stderr]).toEqual([1, 'hearth: full\n'])
    expect((await target.send('GET', '/data/org.example.bills/former')).status).toBe(200)
    intercept = () => false
    const { code, stdout } = await hearth('import', target.domain, dir, '--yes', '--json')
    expect(code).toBe(0)
    const told = JSON.parse(stdout) as { sent_bytes: number; files_bytes: number }
    expect(told).toMatchObject({ sent_bytes: total() - 2 * 4 * 1024 ** 2, files_bytes: large.length })
    expect((await target.send('GET', '/data/org.example.bills/former')).status).toBe(404)
    expect((await target.send('GET', '/data/org.example.bills/one')).status).toBe(200)
    const got = await target.send('GET', '/files/download?Path=/large.bin')
    expect(Buffer.from(await got.arrayBuffer()).equals(large)).toBe(true)
  }, 60_000)

  test('of some doctypes leaves the others', async () => {
    const some = join(folder, 'some')
    expect((await hearth('export', source.domain, '-o', some, '--doctypes', 'org.example.notes')).code).toBe(0)
    await target.ask('PUT', '/data/org.example.bills/kept', { n: 0 })
    await target.ask('PUT', '/data/org.example.notes/gone', { n: 0 })
    expect((await hearth('import', target.domain, some, '--yes')).code).toBe(0)
    expect((await target.send('GET', '/data/org.example.bills/kept')).status).toBe(200)
    expect((await target.send('GET', '/data/org.example.notes/gone')).status).toBe(404)
    expect((await target.send('GET', '/data/org.example.notes/two')).status).toBe(200)
    expect((await target.send('GET', '/files/download?Path=/large.bin')).status).toBe(200)
  }, 60_000)

  test('of a damaged archive fails, and the instance is as it was', async () => {
    const damaged = join(folder, 'damaged.zip')
    const bytes = readFileSync(join(dir, 'from.archives.test.zip'))
    // In the content of the large file, whose bytes stand in the archive as they are.
    const at = bytes.indexOf(large.subarray(5_000_000, 5_000_032))
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(damaged, bytes)
    const { code, stderr } = await hearth('import', target.domain, damaged, '--yes')
    expect([code, stderr]).toEqual([1, expect.stringContaining('the import failed, and to.archives.test is as it was')])
    expect(stderr).toContain('checksum')
    expect((await target.send('GET', '/data/org.example.bills/kept')).status).toBe(200)
    expect((await target.send('POST', '/files/?Type=file&Name=after.txt', 'after')).status).toBe(201)
  }, 60_000)

  const zip = (name: string, entries: Record<string, string>) => {
    const file = join(folder, name)
    const script =
      'import json,sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],"w")\nfor n,t in json.load(sys.stdin).items(): z.writestr(n,t)'
    execFileSync('python3', ['-c', script, file], { input: JSON.stringify(entries) })
    return file
  }
  const bill = { 'My Cozy/Data/org.example.bills/x.json': '{"_id":"x"}' }

  test.each([
    ['no terminal to ask on', () => [dir], '--yes'],
    ['a file that does not exist', () => [join(folder, 'nothing.zip'), '--yes'], 'does not exist'],
    [
      'a zip that is cut short',
      () => {
        writeFileSync(join(folder, 'cut.zip'), readFileSync(join(dir, 'from.archives.test.zip')).subarray(0, 5_000_000))
        return [join(folder, 'cut.zip'), '--yes']
      },
      'not a whole zip file',
    ],
    ['a zip of something else', () => [zip('other.zip', { 'a.txt': 'a' }), '--yes'], 'not a part of an export'],
    ['a part without the one before', () => [zip('My Cozy - part001.zip', bill), '--yes'], 'part 000 is missing'],
    ['a folder without an export', () => [mkdtempSync(join(folder, 'empty-')), '--yes'], 'has no export in it'],
    ['an unknown instance', () => ['nobody.test', dir, '--yes'], 'Instance not found'],
  ] as const)(
    '%s -> exit code 1, and nothing is sent',
    async (_name, args, message) => {
      calls.length = 0
      const given = args()
      const all = given[0] === 'nobody.test' ? given : [target.domain, ...given]
      const { code, stderr } = await hearth('import', ...all)
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
      expect(calls.filter(({ method }) => method !== 'GET')).toEqual([])
    },
    60_000,
  )
})

test.each([
  [['export', 'from.archives.test'], 2, '--output'],
  [['export', 'from.archives.test', '-o', 'x', '--parts-size', 'much'], 2, 'size such as'],
  [['import', 'to.archives.test'], 2, 'file'],
  [['export', 'nobody.test', '-o', join(folder, 'nobody')], 1, 'Instance not found'],
  [['export', 'from.archives.test', '-o', '/proc/nothing'], 1, '/proc/nothing cannot be written'],
] as const)(
  'hearth %j -> exit code %d',
  async (args, exit, message) => {
    const { code, stderr } = await hearth(...args)
    expect([code, stderr]).toEqual([exit, expect.stringContaining(message)])
  },
  60_000,
)

describe('the admin routes', () => {
  const id = 'a'.repeat(32)
  const order = { parts: [3_000_000], piece_size: 1_048_576, size: 3_000_000 }
  const ask = async (method: string, path: string, body?: string | Uint8Array, headers = {}) => {
    const answer = await server.fetch(`${server.adminUrl}/instances/${target.domain}${path}`, {
      method,
      headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}`, ...headers },
      ...(body === undefined ? {} : { body }),
    })
    return { status: answer.status, text: await answer.text() }
  }
  const begin = (given: object = order, at = id) => ask('PUT', `/imports/${at}`, JSON.stringify(given))

  test.each([
    ['', 400],
    ['{', 400],
    ['[]', 400],
    ['{}', 422],
    [JSON.stringify({ ...order, parts: [] }), 422],
    [JSON.stringify({ ...order, parts: [0] }), 422],
    [JSON.stringify({ ...order, parts: [1.5] }), 422],
    [JSON.stringify({ ...order, piece_size: 1 }), 422],
    [JSON.stringify({ ...order, piece_size: 2 ** 40 }), 422],
    [JSON.stringify({ ...order, parts: [2 ** 50] }), 422],
    [JSON.stringify({ ...order, size: -1 }), 422],
    [JSON.stringify({ ...order, with_doctypes: [] }), 422],
  ])('an upload of %s -> %d', async (body, status) => {
    expect((await ask('PUT', `/imports/${id}`, body)).status).toBe(status)
  })

  test('take pieces in any order, say what is missing, and begin when nothing is', async () => {
    expect((await begin(order, 'short')).status).toBe(400)
    expect((await begin(order, 'a/../b')).status).toBe(404)
    expect((await ask('GET', `/imports/${id}`)).status).toBe(404)
    const begun = JSON.parse((await begin()).text)
    expect(begun.data.attributes.missing).toEqual([0, 1, 2].map((piece) => ({ part: 0, piece })))
    expect((await begin({ ...order, parts: [4_000_000] })).status).toBe(409)
    const piece = (number: number | string, length: number, part: number | string = 0) =>
      ask('PUT', `/imports/${id}/parts/${part}/pieces/${number}`, new Uint8Array(length))
    expect((await piece(0, 10)).status).toBe(400)
    expect((await piece(0, 1_048_577)).status).toBe(400)
    for (const [number, part] of [
      [3, 0],
      [0, 1],
      [-1, 0],
      ['x', 0],
      ['1e0', 0],
    ] as const) {
      expect((await piece(number, 10, part)).status).toBe(404)
    }
    expect((await piece(2, 3_000_000 - 2 * 1_048_576)).status).toBe(204)
    expect((await piece(0, 1_048_576)).status).toBe(204)
    const missing = JSON.parse((await ask('GET', `/imports/${id}`)).text).data.attributes.missing
    expect(missing).toEqual([{ part: 0, piece: 1 }])
    expect((await ask('POST', `/imports/${id}`)).status).toBe(409)
    // Without a length too much is noticed when it comes.
    const chunked = { 'transfer-encoding': 'chunked' }
    const tooMuch = await ask('PUT', `/imports/${id}/parts/0/pieces/1`, new Uint8Array(1_100_000), chunked)
    expect(tooMuch.status).toBe(400)
    expect((await ask('DELETE', `/imports/${id}`)).status).toBe(204)
    expect((await ask('GET', `/imports/${id}`)).status).toBe(404)
    expect((await ask('DELETE', `/imports/${id}`)).status).toBe(204)
  })

  test('refuse what does not fit into the quota', async () => {
    await server.createInstance('small.archives.test')
    const small = `${server.adminUrl}/instances/small.archives.test`
    const headers = { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` }
    expect((await server.fetch(`${small}?DiskQuota=1000`, { method: 'PATCH', headers })).status).toBe(200)
    const put = (given: object) =>
      server.fetch(`${small}/imports/${id}`, { method: 'PUT', headers, body: JSON.stringify(given) })
    expect((await put(order)).status).toBe(413)
    expect((await put({ ...order, size: 10, parts: [2 * 1024 ** 3] })).status).toBe(413)
    expect((await put({ ...order, size: 10 })).status).toBe(200)
  })

  test('tell the state of an export and its job, and nothing that opens it', async () => {
    const dir = join(folder, 'state')
    expect((await hearth('export', source.domain, '-o', dir)).code).toBe(0)
    const { job, export: made } = JSON.parse(readFileSync(join(dir, 'from.archives.test.export.json'), 'utf8'))
    const get = async (path: string, domain = source.domain) => {
      const answer = await server.fetch(`${server.adminUrl}/instances/${domain}${path}`, {
        headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
      })
      return { status: answer.status, body: JSON.parse(await answer.text()) }
    }
    const one = await get(`/exports/${made}`)
    expect(one.body.data).toMatchObject({
      id: made,
      attributes: { state: 'done', job, parts: [{ name: 'My Cozy.zip' }] },
    })
    expect((await get('/exports')).body.data[0].id).toBe(made)
    expect((await get(`/jobs/${job}`)).body.data.attributes).toEqual({ worker: 'export', state: 'done' })
    for (const path of [`/exports/${made}`, `/jobs/${job}`]) {
      expect((await get(path, target.domain)).status).toBe(404)
      expect((await get(path, 'nobody.test')).status).toBe(404)
    }
    for (const [method, path] of [
      ['GET', '/exports'],
      ['GET', `/jobs/${job}`],
      ['PUT', `/imports/${id}`],
    ] as const) {
      const answer = await server.fetch(`${server.adminUrl}/instances/${source.domain}${path}`, { method })
      expect([path, answer.status]).toEqual([path, 401])
    }
  }, 60_000)
})
