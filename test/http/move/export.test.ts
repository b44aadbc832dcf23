/** An export from the request to the last byte of its parts, through a real mail server. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { startServer, type TestServer } from '../../support/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'hearth-export-'))
const mails: string[] = []
let smtp: SMTPServer
let server: TestServer
let token = ''

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
  const { port } = smtp.server.address() as AddressInfo
  server = await startServer({
    env: {
      HEARTH_MAIL_HOST: '127.0.0.1',
      HEARTH_MAIL_PORT: `${port}`,
      HEARTH_MAIL_DISABLE_TLS: 'true',
      HEARTH_EXPORT_MIN_PART_SIZE: '20KiB',
      HEARTH_FS_VERSIONING_MIN_DELAY_BETWEEN_TWO_VERSIONS: '0',
    },
  })
  token = await server.token('*')
  await server.fetch(`${server.adminUrl}/instances/${server.domain}?Email=ada@example.org&PublicName=Ada`, {
    method: 'PATCH',
    headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
  })
}, 60_000)
afterAll(async () => {
  await server.stop()
  smtp.close()
  rmSync(folder, { recursive: true, force: true })
})

const headers = () => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json' })

async function ask(method: string, path: string, body?: unknown) {
  const init = { method, headers: headers(), ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await server.fetch(path, init)
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

async function upload(path: string, bytes: Uint8Array | string, method = 'POST'): Promise<string> {
  const body = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
  const init = { method, headers: { ...headers(), 'content-type': 'application/octet-stream' }, body }
  const response = await server.fetch(path, init as never)
  return ((await response.json()) as { data: { id: string } }).data.id
}

async function exported(attributes: object): Promise<{ identifier: string; manifest: Record<string, unknown> }> {
  const before = mails.length
  await ask('POST', '/move/exports', { data: { attributes } })
  for (let tries = 0; mails.length === before && tries < 300; tries++)
    await new Promise((done) => setTimeout(done, 100))
  const identifier = /#\/exports\/([\w=-]+)/.exec(mails[before] ?? '')?.[1] ?? ''
  const { data } = await ask('GET', `/move/exports/${identifier}`)
  return { identifier, manifest: data.attributes }
}

async function download(identifier: string, cursor?: string, more: Record<string, string> = {}) {
  const query = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`
  const response = await server.fetch(`/move/exports/data/${identifier}${query}`, { headers: more })
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) }
}

/** Names and texts of a zip, by another program than ours. */
function listed(bytes: Uint8Array): Record<string, string> {
  const file = join(folder, 'part.zip')
  writeFileSync(file, bytes)
  const script = `import json,sys,zipfile
z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None
print(json.dumps({i.filename: z.read(i).decode('latin1') for i in z.infolist()}))`
  return JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8', maxBuffer: 1e8 }))
}

describe('an export', () => {
  let identifier = ''
  let cursors: string[] = []
  const contents: Record<string, Uint8Array> = {}
  let parts: Uint8Array[] = []
  let report = ''

  test('is made of everything, in parts, and its link comes by mail', async () => {
    for (let n = 0; n < 5; n++) await ask('PUT', `/data/org.example.bills/b${n}`, { n, vendor: 'Électricité & Gaz' })
    await ask('PUT', '/data/org.example.bills/a%2Fb', { id: 'a/b' })
    const gone = await ask('PUT', '/data/org.example.bills/gone', { x: 1 })
    await ask('DELETE', `/data/org.example.bills/gone?rev=${gone.rev}`)
    await ask('POST', '/data/org.example.bills/_index', { index: { fields: ['n'] } })
    await ask('PUT', '/data/io.cozy.accounts/bank', { auth: { login: 'me', password: 'planted-geheim' } })
    const { data } = await ask('POST', '/files/?Type=directory&Name=%C3%89t%C3%A9')
    for (let n = 0; n < 6; n++) {
      const bytes = crypto.getRandomValues(new Uint8Array(40_000 + n))
      contents[`My Cozy/Files/Été/file ${n}.bin`] = bytes
      await upload(`/files/${data.id}?Type=file&Name=${encodeURIComponent(`file ${n}.bin`)}`, bytes)
    }
    await upload(`/files/?Type=file&Name=empty.txt`, '')
    report = await upload('/files/?Type=file&Name=report.txt', 'version one')
    await upload(`/files/${report}`, 'version two', 'PUT')
    const trashed = await upload('/files/?Type=file&Name=trashed.txt', 'in the trash')
    await ask('DELETE', `/files/${trashed}`)

    const made = await exported({})
    ;({ identifier } = made)
    cursors = made.manifest['parts_cursors'] as string[]
    expect(made.manifest).toMatchObject({ state: 'done', domain: server.domain, parts_size: expect.any(Number) })
    expect(made.manifest['archive']).toBeUndefined()
    expect(cursors.length).toBeGreaterThan(0)
    expect(mails.at(-1)).toContain(`http://settings.${server.domain}/#/exports/`)

    // Whoever may read jobs must not find the link there, nor have it mailed elsewhere.
    const { rows } = await ask('GET', '/data/io.cozy.jobs/_all_docs?include_docs=true')
    const told = rows.find(({ doc }: { doc: { worker: string } }) => doc.worker === 'sendmail').doc.message
    expect([told.template_name, typeof told.sealed_values]).toEqual(['archiver', 'string'])
    expect(JSON.stringify(rows)).not.toContain(identifier)
    const copied = { ...told, mode: 'from', to: [{ email: 'eve@example.org' }] }
    const order = { data: { attributes: { arguments: copied } } }
    const { data: job } = await ask('POST', '/jobs/queue/sendmail', order)
    const end = async () => (await ask('GET', `/jobs/${job.id}`)).data.attributes
    while (!['done', 'errored'].includes((await end()).state)) await new Promise((done) => setTimeout(done, 100))
    expect(await end()).toMatchObject({ state: 'errored', error: 'the sealed values of the mail cannot be opened' })
    expect(mails.some((mail) => mail.includes('eve@'))).toBe(false)

    expect(mails.at(-1)).toContain('Ada')
  })

  test('holds all documents and contents once, and no secret', async () => {
    parts = []
    const all: Record<string, string> = {}
    for (const cursor of [undefined, ...cursors]) {
      const { response, bytes } = await download(identifier, cursor)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-length')).toBe(`${bytes.length}`)
      const number = String(parts.length).padStart(3, '0')
      expect(response.headers.get('content-disposition')).toBe(`attachment; filename="My Cozy - part${number}.zip"`)
      parts.push(bytes)
      for (const [name, text] of Object.entries(listed(bytes))) {
        expect(all[name]).toBeUndefined()
        all[name] = text
      }
    }
    const text = (name: string) => Buffer.from(all[name] ?? '', 'latin1').toString('utf8')
    expect(JSON.parse(text('My Cozy/Data/instance.json'))).toMatchObject({ domain: server.domain })
    expect(JSON.parse(text('My Cozy/Data/org.example.bills/b3.json'))).toMatchObject({
      _id: 'b3',
      n: 3,
      vendor: 'Électricité & Gaz',
    })
    expect(all['My Cozy/Data/org.example.bills/a/b.json']).toBeDefined()
    const names = Object.keys(all)
    expect(names.filter((name) => /gone|_design/.test(name))).toEqual([])
    for (const [name, bytes] of Object.entries(contents)) {
      const utf8 = names.find((one) => one === name)
      expect(Buffer.compare(Buffer.from(all[utf8 ?? ''] ?? '', 'latin1'), Buffer.from(bytes))).toBe(0)
    }
    expect(all['My Cozy/Files/.cozy_trash/trashed.txt']).toBe('in the trash')
    expect(all['My Cozy/Files/report.txt']).toBe('version two')
    const version = names.find((name) => name.startsWith(`My Cozy/Files/${report}/`))
    expect(all[version ?? '']).toBe('version one')
    expect(all[version?.replace('Files/', 'Data/io.cozy.files.versions/').concat('.json') ?? '']).toBeDefined()
    for (const secret of ['planted-geheim', 'session_secret', 'cli_secret', 'oauth_secret', 'passphrase_hash']) {
      expect(JSON.stringify(all)).not.toContain(secret)
    }
    expect(text('My Cozy/Data/io.cozy.accounts/bank.json')).toContain('credentials_encrypted')
  })

  test('gives the same bytes again, whatever happened since, from any place on', async () => {
    await ask('DELETE', `/files/${report}`)
    await ask('DELETE', '/files/trash')
    await ask('PUT', '/data/org.example.bills/later', { n: 9 })
    for (const [n, cursor] of [undefined, ...cursors].entries()) {
      const part = parts[n] as Uint8Array
      const { response, bytes } = await download(identifier, cursor)
      expect(Buffer.compare(bytes, part)).toBe(0)
      const etag = response.headers.get('etag') ?? ''
      const start = Math.floor(part.length / 2)
      const rest = await download(identifier, cursor, { range: `bytes=${start}-`, 'if-range': etag })
      expect([rest.response.status, rest.response.headers.get('content-range')]).toEqual([
        206,
        `bytes ${start}-${part.length - 1}/${part.length}`,
      ])
      expect(Buffer.compare(rest.bytes, part.subarray(start))).toBe(0)
      const other = await download(identifier, cursor, { range: 'bytes=5-9', 'if-range': '"other"' })
      expect(other.response.status).toBe(200)
    }
    const outside = await download(identifier, undefined, { range: `bytes=${parts[0]?.length}-` })
    expect(outside.response.status).toBe(416)
  })

  test('opens with its identifier only', async () => {
    const changed = `${identifier.slice(0, 10)}${identifier[10] === 'A' ? 'B' : 'A'}${identifier.slice(11)}`
    for (const [path, status] of [
      [`/move/exports/${changed}`, 401],
      ['/move/exports/nonsense!', 400],
      ['/move/exports/bm9uc2Vuc2U=', 401],
      [`/move/exports/data/${changed}`, 401],
      ['/move/exports/data/', 401],
      [`/move/exports/data/${identifier}?cursor=io.cozy.files/x`, 400],
    ] as const) {
      const response = await server.fetch(path, { headers: headers() })
      expect([path, response.status]).toEqual([path, status])
    }
    await server.createInstance('other.example')
    const other = await server.fetch(`/move/exports/${identifier}`, { headers: { host: 'other.example' } })
    expect(other.status).toBe(401)
  })

  test('can be checked for an import: here, elsewhere and against the quota', async () => {
    const link = `http://settings.${server.domain}/#/exports/${identifier}`
    const check = async (url: unknown, scope = '*') => {
      const headers = { authorization: `Bearer ${await server.token(scope)}`, 'content-type': 'application/json' }
      const body = JSON.stringify({ data: { attributes: { url } } })
      const response = await server.fetch('/move/imports/precheck', { method: 'POST', headers, body })
      return { status: response.status, text: await response.text() }
    }
    expect(await check(link)).toEqual({ status: 204, text: '' })
    for (const url of [
      '',
      'not a link',
      link.replace(identifier, 'bm9uZQ=='),
      'http://127.0.0.1:1/#/exports/x',
      `${server.adminUrl}/#/exports/x`,
      `http://localhost:${new URL(server.adminUrl).port}/#/exports/x`,
      'http://169.254.169.254/#/exports/x',
      'http://no-such-host.invalid/#/exports/x',
    ]) {
      const { status, text } = await check(url)
      expect([url, status]).toEqual([url, 412])
      expect(JSON.parse(text).errors[0]).toMatchObject({ title: 'Precondition Failed', source: { parameter: 'url' } })
    }
    expect((await check(5)).status).toBe(422)
    expect((await check(link, 'io.cozy.files')).status).toBe(403)
    const admin = { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` }
    const patch = (quota: number) =>
      server.fetch(`${server.adminUrl}/instances/${server.domain}?DiskQuota=${quota}`, {
        method: 'PATCH',
        headers: admin,
      })
    await patch(1_000)
    expect((await check(link)).status).toBe(413)
    await patch(100_000_000)
    expect((await check(link)).status).toBe(204)
  })

  test('of some doctypes holds these; the archive before it is gone', async () => {
    const { identifier: second, manifest } = await exported({
      with_doctypes: ['org.example.bills', 'org.example.none'],
    })
    expect(manifest).toMatchObject({ parts_cursors: null, with_doctypes: ['org.example.bills', 'org.example.none'] })
    const names = Object.keys(listed((await download(second)).bytes))
    expect(names).toHaveLength(8)
    expect(names.every((name) => /instance\.json$|Data\/org\.example\.bills\//.test(name))).toBe(true)
    const former = await download(identifier)
    expect(former.response.status).toBe(404)
  })

  test('needs the right, and is made five times a day', async () => {
    for (const [scope, status] of [
      ['io.cozy.files', 403],
      ['io.cozy.exports:GET', 403],
    ] as const) {
      const init = {
        method: 'POST',
        body: '{"data":{}}',
        headers: { authorization: `Bearer ${await server.token(scope)}` },
      }
      expect((await server.fetch('/move/exports', init)).status).toBe(status)
    }
    expect((await server.fetch('/move/exports', { method: 'POST', body: '{"data":{}}' })).status).toBe(401)
    const statuses: number[] = []
    for (let n = 0; n < 4; n++) {
      const init = { method: 'POST', body: '{"data":{"attributes":{"with_doctypes":["a.b"]}}}', headers: headers() }
      statuses.push((await server.fetch('/move/exports', init)).status)
    }
    expect(statuses).toEqual([201, 201, 201, 404])
  })

  test('for the operator tells nobody, and its data is fetched by its id', async () => {
    const admin = { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` }
    const base = `${server.adminUrl}/instances/quiet.example`
    const made = `${server.adminUrl}/instances?Domain=quiet.example&Email=quiet@example.org`
    expect((await server.fetch(made, { method: 'POST', headers: admin })).status).toBe(201)
    const bearer = await server.token('*', { domain: 'quiet.example' })
    const ordered = await server.fetch(`${base}/export?admin-req=true`, { method: 'POST', headers: admin })
    expect(ordered.status).toBe(202)
    const job = (await ordered.json()) as { _id: string }
    expect(job).toMatchObject({ worker: 'export', state: 'queued', message: { admin_req: true } })
    let state = ''
    for (let tries = 0; !['done', 'errored'].includes(state) && tries < 300; tries++) {
      const init = { headers: { host: 'quiet.example', authorization: `Bearer ${bearer}` } }
      const shown = (await (await server.fetch(`/jobs/${job._id}`, init)).json()) as {
        data: { attributes: { state: string } }
      }
      state = shown.data.attributes.state
      await new Promise((done) => setTimeout(done, 100))
    }
    expect([state, mails.some((mail) => mail.includes('quiet@'))]).toEqual(['done', false])
    const missing = await server.fetch(`${base}/exports/${'0'.repeat(32)}/data`, { headers: admin })
    expect(missing.status).toBe(404)
    const refused = await server.fetch(`${base}/export?admin-req=maybe`, { method: 'POST', headers: admin })
    expect(refused.status).toBe(422)
  })

  test.each([
    '',
    '{',
    '[]',
    '{"data":1}',
    '{"data":{"attributes":{"parts_size":"x"}}}',
    '{"data":{"attributes":{"with_doctypes":[1]}}}',
  ])('the body %p -> 4xx', async (body) => {
    const response = await server.fetch('/move/exports', { method: 'POST', body, headers: headers() })
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.status).toBeLessThan(500)
  })
})
