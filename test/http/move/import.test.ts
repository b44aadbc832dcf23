/** Imports: archives of a real cozy-stack, a round trip, and archives that are refused. The instance is never half changed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { startServer, type TestServer } from '../../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-import-'))
const real = new URL('../../conformance/admin/real-export/', import.meta.url)
const mails: string[] = []
let smtp: SMTPServer
let server: TestServer
let source: Server
let sourceUrl = ''
/** What the other server gives: descriptions and parts by identifier. */
interface Given {
  readonly attributes: Record<string, unknown>
  readonly parts: readonly Uint8Array[]
  /** Bytes after which the connection breaks. */
  readonly cut?: number
  /** Parts come when it resolves. */
  readonly gate?: Promise<void>
  /** Called when a part is asked for. */
  readonly asked?: () => void
}
const given = new Map<string, Given>()

beforeAll(async () => {
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      let text = ''
      stream.on('data', (chunk) => {
        text += chunk
      })
      stream.on('end', () => {
        mails.push(text.replaceAll('=\r\n', '').replaceAll('=3D', '='))
        done()
      })
    },
  })
  await new Promise<void>((done) => smtp.listen(0, '127.0.0.1', done))
  source = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://source')
    const name = url.pathname.split('/').at(-1) ?? ''
    const found = given.get(name)
    if (found === undefined) return void response.writeHead(404).end()
    if (!url.pathname.includes('/data/')) {
      const data = { type: 'io.cozy.exports', id: name, attributes: found.attributes }
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }))
    }
    found.asked?.()
    const cursor = url.searchParams.get('cursor')
    const part = found.parts[cursor === null ? 0 : Number(cursor.slice(1))] ?? new Uint8Array()
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': part.length })
    if (found.gate !== undefined) return void found.gate.then(() => response.end(part))
    if (found.cut === undefined) return void response.end(part)
    response.write(part.subarray(0, found.cut), () => response.destroy())
  })
  await new Promise<void>((done) => source.listen(0, '127.0.0.1', done))
  sourceUrl = `http://127.0.0.1:${(source.address() as AddressInfo).port}`
  server = await start()
}, 60_000)
afterAll(async () => {
  await server.stop()
  smtp.close()
  source.close()
  for (const one of [folder, data]) rmSync(one, { recursive: true, force: true })
})

const data = mkdtempSync(join(tmpdir(), 'hearth-import-data-'))

function start(): Promise<TestServer> {
  const { port } = smtp.server.address() as AddressInfo
  return startServer({
    dataDir: data,
    env: {
      HEARTH_MAIL_HOST: '127.0.0.1',
      HEARTH_MAIL_PORT: `${port}`,
      HEARTH_MAIL_DISABLE_TLS: 'true',
      HEARTH_EXPORT_MIN_PART_SIZE: '20KiB',
      HEARTH_FS_VERSIONING_MIN_DELAY_BETWEEN_TWO_VERSIONS: '0',
      HEARTH_OUTGOING_ALLOW_PRIVATE: 'true',
    },
  })
}

const basic = () => ({ authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` })

interface Account {
  readonly domain: string
  ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  send(method: string, path: string, body?: string | Uint8Array): Promise<Response>
}

async function account(domain: string): Promise<Account> {
  const made = `${server.adminUrl}/instances?Domain=${domain}&Email=${domain.split('.')[0]}@example.org`
  const created = await server.fetch(made, { method: 'POST', headers: basic() })
  if (!created.ok) throw new Error(`${created.status} ${await created.text()}`)
  const token = await server.token('*', { domain })
  const headers = { host: domain, authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const send = (method: string, path: string, body?: string | Uint8Array) =>
    server.fetch(path, { method, headers, ...(body === undefined ? {} : { body: body as string }) })
  return {
    domain,
    send,
    async ask(method, path, body) {
      const response = await send(method, path, body === undefined ? undefined : JSON.stringify(body))
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return text === '' ? {} : JSON.parse(text)
    },
  }
}

async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error(`it did not happen; ${server.output.stderr.slice(-2000)}`)
}

/** Imports and gives the mail that tells the end. */
async function imported({ domain, send }: Account, link: string): Promise<string> {
  const before = mails.length
  const response = await send('POST', '/move/imports', JSON.stringify({ data: { attributes: { url: link } } }))
  expect([response.status, response.headers.get('location')]).toEqual([303, `http://${domain}/move/importing`])
  return until(() => mails[before])
}

const link = (name: string) => `${sourceUrl}/#/exports/${name}`

function offer(name: string, parts: readonly Uint8Array[], attributes: Record<string, unknown> = {}): string {
  const cursors = parts.slice(1).map((_, at) => `c${at + 1}`)
  given.set(name, { parts, attributes: { state: 'done', parts_cursors: cursors, total_size: 1, ...attributes } })
  return link(name)
}

/** A zip of these names and texts, by another program than ours. */
function zip(entries: readonly (readonly [string, string])[]): Uint8Array {
  const file = join(folder, 'made.zip')
  const script = `import json,sys,zipfile
with zipfile.ZipFile(sys.argv[1],'w',zipfile.ZIP_DEFLATED) as z:
  for n,t in json.load(sys.stdin): z.writestr(zipfile.ZipInfo(n),t)`
  execFileSync('python3', ['-c', script, file], { input: JSON.stringify(entries) })
  return readFileSync(file)
}

const md5 = (bytes: string | Uint8Array) => createHash('md5').update(bytes).digest('base64')

interface Node {
  readonly id: string
  readonly attributes: Record<string, unknown>
}

/** Everything below the root and in the trash, by id, with the contents of files. */
async function tree({ ask, send }: Account): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  const walk = async (id: string): Promise<void> => {
    const page = (await ask('GET', `/files/${id}?page[limit]=1000`)) as { included?: Node[] }
    for (const node of page.included ?? []) {
      const { type, name, path, tags, size, md5sum, executable, trashed, referenced_by, created_at, updated_at } =
        node.attributes
      const content =
        type === 'file'
          ? md5(new Uint8Array(await (await send('GET', `/files/download/${node.id}`)).arrayBuffer()))
          : ''
      if (type === 'file') expect([name, content]).toEqual([name, md5sum])
      const kept = { type, name, path, tags, size, executable, trashed, referenced_by, created_at, updated_at, content }
      found[node.id] = kept
      if (type === 'directory') await walk(node.id)
    }
  }
  await walk('io.cozy.files.root-dir')
  await walk('io.cozy.files.trash-dir')
  return found
}

async function documents({ ask }: Account, doctype: string): Promise<Record<string, unknown>> {
  const { rows } = (await ask('GET', `/data/${doctype}/_all_docs?include_docs=true`)) as {
    rows: { id: string; doc: Record<string, unknown> }[]
  }
  return Object.fromEntries(
    rows.filter(({ id }) => !id.startsWith('_design/')).map(({ id, doc: { _rev, ...doc } }) => [id, doc]),
  )
}

describe('an archive of a real cozy-stack', () => {
  test.each(['file-storage', 'object-storage'])('on %s is imported whole', async (name) => {
    const archive = readFileSync(new URL(`${name}.zip`, real))
    const manifest = JSON.parse(readFileSync(new URL(`${name}.manifest.json`, real), 'utf8'))
    const target = await account(`${name}.example`)
    await target.ask('PUT', '/data/org.example.former/one', { x: 1 })
    const old = await target.send('POST', '/files/?Type=file&Name=former.txt', 'former')
    expect(old.status).toBe(201)
    const mail = await imported(target, offer(name, [archive], manifest.data.attributes))
    expect(mail).toContain('successfully imported')

    expect(Object.keys(await documents(target, 'io.cozy.bills'))).toEqual(['bill0', 'bill1', 'bill2'])
    expect(Object.keys(await documents(target, 'io.cozy.rr.things')).sort()).toEqual(
      ['a/b', 'plain', 'with space', 'été'].sort(),
    )
    expect((await target.send('GET', '/data/org.example.former/one')).status).toBe(404)
    const files = Object.values(await tree(target)) as { name: string; type: string }[]
    expect(files.filter(({ type }) => type === 'file').length).toBe(12)
    expect(files.some(({ name }) => name === 'former.txt')).toBe(false)
    const report = (await target.ask('GET', '/files/metadata?Path=/report.txt')) as {
      data: { relationships: { old_versions: { data: unknown[] } } }
    }
    expect(report.data.relationships.old_versions.data.length).toBe(2)
    // It is open for work again.
    const made = await target.send('POST', '/files/?Type=file&Name=next.txt', 'next')
    expect(made.status).toBe(201)
    const checked = await server.fetch(`${server.adminUrl}/instances/${target.domain}/fsck`, { headers: basic() })
    expect(await checked.text()).toBe('')
  })
})

describe('what one instance exports', () => {
  let first: Account
  let archive = ''

  test('another one gets: documents, files, versions, trash', async () => {
    first = await account('first.example')
    for (let n = 0; n < 250; n++) await first.ask('PUT', `/data/org.example.bills/b${n}`, { n, vendor: 'Été & Gaz' })
    await first.ask('PUT', '/data/org.example.bills/a%2Fb', { id: 'a/b', big: 1e21 })
    await first.ask('PUT', '/data/org.example.bills/https%3A%2F%2Fexample.org%2F%2Fb', { vendor: 'an address' })
    await first.ask('PUT', '/data/io.cozy.accounts/bank', { auth: { login: 'me', password: 'planted-geheim' } })
    const folderOf = (await first.ask('POST', '/files/?Type=directory&Name=%C3%89t%C3%A9%20%F0%9F%8E%84')) as {
      data: Node
    }
    for (let n = 0; n < 5; n++) {
      const bytes = crypto.getRandomValues(new Uint8Array(15_000 + n))
      const path = `/files/${folderOf.data.id}?Type=file&Name=${encodeURIComponent(`é ${n} "&'.bin`)}&Executable=${n === 2}`
      expect((await first.send('POST', path, bytes)).status).toBe(201)
    }
    await first.send('POST', '/files/?Type=file&Name=empty.txt', '')
    const report = (await (await first.send('POST', '/files/?Type=file&Name=report.txt', 'one')).json()) as {
      data: Node
    }
    await first.send('PUT', `/files/${report.data.id}`, 'two')
    await first.send('PUT', `/files/${report.data.id}`, 'three')
    const thrown = (await (await first.send('POST', '/files/?Type=file&Name=thrown.txt', 'thrown')).json()) as {
      data: Node
    }
    await first.ask('DELETE', `/files/${thrown.data.id}`)

    const before = mails.length
    await first.ask('POST', '/move/exports', { data: { attributes: {} } })
    const told = await until(() => mails[before])
    archive = `http://settings.first.example/#/exports/${/#\/exports\/([\w=-]+)/.exec(told)?.[1]}`

    const second = await account('second.example')
    await second.ask('PUT', '/data/org.example.former/one', { x: 1 })
    expect(await imported(second, archive)).toContain('successfully imported')
    expect(await documents(second, 'org.example.bills')).toEqual(await documents(first, 'org.example.bills'))
    expect(await tree(second)).toEqual(await tree(first))
    const accounts = JSON.stringify(await documents(second, 'io.cozy.accounts'))
    expect(accounts).toContain('bank')
    const versions = (await second.ask('GET', '/files/metadata?Path=/report.txt')) as {
      data: { id: string; relationships: { old_versions: { data: { id: string }[] } } }
    }
    const texts = await Promise.all(
      versions.data.relationships.old_versions.data.map(async ({ id }) =>
        (await second.send('GET', `/files/download/${id}`)).text(),
      ),
    )
    expect(texts.sort()).toEqual(['one', 'two'])
    const idsOf = async ({ ask }: Account) => {
      const shown = (await ask('GET', `/files/${report.data.id}`)) as typeof versions
      return shown.data.relationships.old_versions.data.map(({ id }) => id).sort()
    }
    expect(await idsOf(second)).toEqual(await idsOf(first))
  })

  test('it gets back itself, over what it has', async () => {
    const bills = await documents(first, 'org.example.bills')
    const files = await tree(first)
    await first.ask('PUT', '/data/org.example.bills/later', { n: 9 })
    await first.send('POST', '/files/?Type=file&Name=later.txt', 'later')
    expect(await imported(first, archive)).toContain('successfully imported')
    expect(await documents(first, 'org.example.bills')).toEqual(bills)
    expect(await tree(first)).toEqual(files)
  })
})

describe('an archive that is refused leaves the instance as it was', () => {
  const file = (members: Record<string, unknown> = {}) =>
    JSON.stringify({
      _id: 'f'.repeat(32),
      type: 'file',
      name: 'a.txt',
      dir_id: 'io.cozy.files.root-dir',
      size: '5',
      md5sum: md5('hello'),
      ...members,
    })
  const pathOf = (id: string) => `My Cozy/Data/io.cozy.files/${id}.json`
  const id = 'f'.repeat(32)
  const bill = ['My Cozy/Data/org.example.bills/x.json', '{"_id":"x","n":1}'] as const
  const cases: readonly (readonly [string, () => string, string])[] = [
    ['no zip', () => offer('h0', [Buffer.from('this is not a zip')]), 'archive'],
    [
      'a wrong md5',
      () => offer('h1', [zip([bill, [pathOf(id), file()], ['My Cozy/Files/a.txt', 'hellx']])]),
      'damaged',
    ],
    ['a wrong size', () => offer('h2', [zip([bill, [pathOf(id), file()], ['My Cozy/Files/a.txt', 'hi']])]), 'size'],
    ['no content', () => offer('h3', [zip([bill, [pathOf(id), file()]])]), 'no content'],
    [
      'a file id that leads elsewhere',
      () =>
        offer('h4', [
          zip([
            [pathOf('x..y'), file({ _id: 'x..y' })],
            ['My Cozy/Files/a.txt', 'hello'],
          ]),
        ]),
      'wrong id',
    ],
    [
      'a file name that leads elsewhere',
      () =>
        offer('h13', [
          zip([
            [pathOf(id), file({ name: '../../a.txt' })],
            ['My Cozy/Files/a.txt', 'hello'],
          ]),
        ]),
      'wrong name',
    ],
    [
      'a directory path that leads elsewhere',
      () => offer('h14', [zip([[pathOf(id), file({ type: 'directory', name: 'etc', path: '/../etc' })]])]),
      'wrong name',
    ],
    ['a path that leads elsewhere', () => offer('h5', [zip([bill, ['My Cozy/../../etc/passwd', 'x']])]), 'elsewhere'],
    [
      'a document in a wrong place',
      () => offer('h6', [zip([bill, ['My Cozy/Data/org.x/y.json', '{"_id":"z"}']])]),
      'place',
    ],
    ['no JSON', () => offer('h7', [zip([bill, ['My Cozy/Data/org.x/y.json', '{"_id":']])]), 'JSON'],
    ['a wrong doctype', () => offer('h8', [zip([bill, ['My Cozy/Data/..%2Fx/y.json', '{"_id":"y"}']])]), 'doctype'],
    ['a second part that is empty', () => offer('h9', [zip([bill]), new Uint8Array()]), 'archive'],
    ['fewer bytes than announced', () => offer('h10', [zip([bill])], { files_size: 7 }), 'bytes'],
    [
      'a part that breaks off',
      () => {
        const url = offer('h11', [zip([bill])])
        given.set('h11', { ...(given.get('h11') as Given), cut: 20 })
        return url
      },
      'What went wrong',
    ],
    ['no export there', () => link('h12'), 'not found'],
  ]

  let target: Account
  let before: unknown
  const state = async () => ({
    files: await tree(target),
    former: await documents(target, 'org.example.former'),
    all: await target.ask('GET', '/data/_all_doctypes'),
  })

  beforeAll(async () => {
    target = await account('hostile.example')
    await target.ask('PUT', '/data/org.example.former/one', { x: 1 })
    await target.send('POST', '/files/?Type=file&Name=kept.txt', 'kept')
    before = await state()
  })

  test.each(cases)('%s', async (_name, make, reason) => {
    const mail = await imported(target, make())
    expect(mail).toContain('import of your data has failed')
    expect(mail).toContain(reason)
    expect(await state()).toEqual(before as never)
    expect((await target.send('GET', '/data/org.example.bills/x')).status).toBe(404)
  })

  test('more than the quota', async () => {
    const patch = `${server.adminUrl}/instances/${target.domain}?DiskQuota=4`
    await server.fetch(patch, { method: 'PATCH', headers: basic() })
    const mail = await imported(
      target,
      offer('q', [
        zip([
          [pathOf(id), file()],
          ['My Cozy/Files/a.txt', 'hello'],
        ]),
      ]),
    )
    expect(mail).toContain('space')
    expect(await state()).toEqual(before as never)
  })

  test('what is no link is said at once, and needs the right', async () => {
    const body = JSON.stringify({ data: { attributes: { url: 'nonsense' } } })
    expect((await target.send('POST', '/move/imports', body)).status).toBe(412)
    const headers = { host: target.domain, authorization: `Bearer ${await server.token('io.cozy.files', target)}` }
    expect((await server.fetch('/move/imports', { method: 'POST', headers, body })).status).toBe(403)
  })
})

test('a doctype that is called like triggers brings none', async () => {
  const target = await account('triggered.example')
  const trigger = { _id: 'x', type: '@every', arguments: '24h', worker: 'trash-files', domain: 'first.example' }
  const entry = [`My Cozy/Data/io.cozy.triggers.waiting/x.json`, JSON.stringify(trigger)] as const
  expect(await imported(target, offer('triggers', [zip([entry])]))).toContain('successfully imported')
  expect(await target.ask('GET', '/jobs/triggers')).toMatchObject({ data: [] })
  expect(Object.keys(await documents(target, 'io.cozy.triggers.waiting'))).toEqual(['x'])
})

test('the mail names applications that are missing, but not whatever an archive calls one', async () => {
  const target = await account('named.example')
  const entries = ['notes', 'x'.repeat(101), '<b>'].map((slug, at) => {
    return [`My Cozy/Data/io.cozy.apps/${at}.json`, JSON.stringify({ _id: `${at}`, slug })] as const
  })
  const mail = await imported(target, offer('named', [zip(entries)]))
  expect(mail).toContain('notes')
  expect(mail).not.toMatch(/x{101}|<b>|&lt;b/)
})

test('operators import too', async () => {
  const target = await account('operated.example')
  const before = mails.length
  offer('op', [zip([['My Cozy/Data/org.example.bills/x.json', '{"_id":"x","n":1}']])])
  const address = encodeURIComponent(`${sourceUrl}/move/exports/op`)
  const url = `${server.adminUrl}/instances/${target.domain}/import?manifest_url=${address}`
  expect((await server.fetch(url, { method: 'POST', headers: basic() })).status).toBe(204)
  await until(() => mails[before])
  expect(await documents(target, 'org.example.bills')).toEqual({ x: { _id: 'x', n: 1 } })
  const missing = `${server.adminUrl}/instances/none.example/import?manifest_url=${address}`
  expect((await server.fetch(missing, { method: 'POST', headers: basic() })).status).toBe(404)
})

describe('while an import is under way', () => {
  let target: Account
  let open: () => void = () => {}
  const order = () =>
    target.send('POST', '/move/imports', JSON.stringify({ data: { attributes: { url: link('slow') } } }))
  const page = () => server.fetch('/move/importing', { headers: { host: target.domain, accept: 'text/html' } })
  const visit = () => server.fetch('/', { headers: { host: target.domain, accept: 'text/html' } })
  const slowly = () => {
    offer('slow', [zip([['My Cozy/Data/org.example.bills/x.json', '{"_id":"x","n":1}']])])
    return new Promise<void>((asked) => {
      const gate = new Promise<void>((done) => {
        open = done
      })
      given.set('slow', { ...(given.get('slow') as Given), gate, asked })
    })
  }

  beforeAll(async () => {
    target = await account('slow.example')
    await target.ask('PUT', '/data/org.example.former/one', { x: 1 })
  })

  test('its owner waits on a page and at a websocket, others stand before the door', async () => {
    const asked = slowly()
    expect((await order()).status).toBe(303)
    await asked
    const visited = await visit()
    expect([visited.status, visited.headers.get('location')]).toEqual([302, `http://${target.domain}/move/importing`])
    const waiting = await page()
    expect([waiting.status, await waiting.text()]).toEqual([200, expect.stringContaining('Import in progress')])
    const told: string[] = []
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/move/importing/realtime`, {
      headers: { host: target.domain },
      protocols: ['io.cozy.websocket'],
    } as never)
    const closed = new Promise<void>((done) => socket.addEventListener('close', () => done()))
    socket.addEventListener('message', ({ data }) => told.push(String(data)))
    await until(() => (socket.readyState === WebSocket.OPEN ? true : undefined))
    expect(told).toEqual([])
    open()
    await closed
    expect(told.map((text) => JSON.parse(text))).toEqual([{ redirect: `http://${target.domain}/auth/login` }])
    const after = await page()
    expect([after.status, after.headers.get('refresh')]).toEqual([200, `0; url=http://${target.domain}/auth/login`])
    expect(await documents(target, 'org.example.bills')).toEqual({ x: { _id: 'x', n: 1 } })
  })

  test('a server that dies takes it up again', async () => {
    await target.ask(
      'DELETE',
      `/data/org.example.bills/x?rev=${(await target.ask('GET', '/data/org.example.bills/x'))['_rev']}`,
    )
    const before = mails.length
    const asked = slowly()
    await order()
    await asked
    await server.killTree()
    const again = slowly()
    server = await start()
    await again
    open()
    expect(await until(() => mails[before])).toContain('successfully imported')
    expect(await documents(target, 'org.example.bills')).toEqual({ x: { _id: 'x', n: 1 } })
    expect((await visit()).status).not.toBe(302)
  }, 90_000)

  test('an operator who opens the door ends it, and nothing has changed', async () => {
    await target.ask('PUT', '/data/org.example.former/two', { x: 2 })
    const before = mails.length
    const asked = slowly()
    await order()
    await asked
    const patch = `${server.adminUrl}/instances/${target.domain}?Blocked=false`
    await server.fetch(patch, { method: 'PATCH', headers: basic() })
    open()
    expect(await until(() => mails[before])).toContain('it took too long')
    expect(await documents(target, 'org.example.former')).toEqual({ two: { _id: 'two', x: 2 } })
  })
})
