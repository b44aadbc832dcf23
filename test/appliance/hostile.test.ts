/** Uploads that are large, slow, cut, malformed or meant to harm. */
import { afterEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { readTar, TarError, tarEnd, tarHeader, tarPadding } from '../../src/appliance/tar.ts'
import { type ApplianceStage, openStage, type StageOptions } from '../support/appliance.ts'
import { type ApplianceClient, hashFor, openApplianceClient, prefix } from '../support/appliance-client.ts'

const open: { stage: ApplianceStage; client: ApplianceClient }[] = []
afterEach(async () => {
  for (const { stage, client } of open.splice(0)) {
    client.close()
    await stage.close()
  }
})

async function start(options: StageOptions = {}) {
  const stage = await openStage({ pauseMs: 50, ...options })
  await stage.appliance.token.setFirst('yourtoken')
  const client = openApplianceClient(`https://127.0.0.1:${stage.port}`)
  open.push({ stage, client })
  const url = (path: string) => `${client.url}${prefix}${path}?hash=${hashFor('yourtoken', 'POST', path)}`
  return { stage, client, url, uploads: () => readdirSync(stage.appliance.places.uploads) }
}

const boundary = 'b0undary'
const type = { 'content-type': `multipart/form-data; boundary=${boundary}` }
const head = (name: string, file = 'x') =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${file}"\r\n\r\n`
const tail = `\r\n--${boundary}--\r\n`

/** A form with one file of so many bytes, never whole in memory. */
function* large(name: string, bytes: number): Generator<Buffer> {
  yield Buffer.from(head(name))
  yield* chunks(bytes)
  yield Buffer.from(tail)
}

function* chunks(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(1024 ** 2, 'x')
  for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left)
}

const full = process.env['HEARTH_TEST_FULL_SIZE'] === '1'
if (!full) console.warn('uploads of 256 MB instead of 2 GB; HEARTH_TEST_FULL_SIZE=1 has the full size')
const size = (full ? 2_048 : 256) * 1024 ** 2

describe('large uploads', () => {
  test('without credentials are refused before the body is read', async () => {
    const { client, uploads } = await start()
    let sent = 0
    const body = Readable.from(
      (function* () {
        for (const chunk of large('update', size)) {
          sent += chunk.length
          yield chunk
        }
      })(),
    )
    const headers = { ...type, 'content-length': String(size + head('update').length + tail.length) }
    const answer = await client.http
      .fetch(`${client.url}${prefix}/update`, { method: 'POST', headers, body })
      .catch(() => undefined)
    body.destroy()
    if (answer !== undefined) expect(answer.status).toBe(403)
    expect(sent).toBeLessThan(64 * 1024 ** 2)
    expect(uploads()).toEqual([])
  })

  test('with credentials arrive whole', async () => {
    const { client, url, stage } = await start()
    const seen = createHash('sha256')
    Object.assign(stage.appliance.update, {
      async begin({ path }: { path: string }) {
        for await (const chunk of Bun.file(path).stream()) seen.update(chunk)
        stage.appliance.update.procedure.release()
      },
    })
    const answer = await client.http.fetch(url('/update'), {
      method: 'POST',
      headers: type,
      body: Readable.from(large('update', size)),
    })
    expect(answer.status).toBe(202)
    const wanted = createHash('sha256')
    for (const chunk of chunks(size)) wanted.update(chunk)
    expect(seen.digest('hex')).toBe(wanted.digest('hex'))
  }, 120_000)

  test('beyond the limit are 413, declared or not', async () => {
    const { client, url, uploads } = await start({ config: { limits: { update: 1024 ** 2 } } })
    const bytes = 3 * 1024 ** 2
    const whole = Buffer.concat([...large('update', bytes)])
    const declared = await client.http
      .fetch(url('/update'), { method: 'POST', headers: type, body: whole })
      .catch(() => undefined)
    if (declared !== undefined) expect(declared.status).toBe(413)
    const chunked: Response | undefined = await client.http
      .fetch(url('/update'), {
        method: 'POST',
        headers: { ...type, 'transfer-encoding': 'chunked' },
        body: Readable.from(large('update', bytes)),
      })
      .catch(() => undefined)
    if (chunked !== undefined) expect(chunked.status).toBe(413)
    expect(uploads()).toEqual([])
    expect((await client.get('/update')).status).toBe(200)
  })
})

function raw(port: number, request: string): Promise<TLSSocket> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      socket.write(request)
      resolve(socket)
    })
    socket.on('error', () => {})
  })
}

describe('slow uploads', () => {
  const request = (length: number) =>
    `POST ${prefix}/update?hash=${hashFor('yourtoken', 'POST', '/update')} HTTP/1.1\r\nHost: x\r\n` +
    `Content-Type: ${type['content-type']}\r\nContent-Length: ${length}\r\n\r\n${head('update')}`

  test('one that crawls is cut, others are served meanwhile, and the next one may come', async () => {
    const limits = { upload_grace_seconds: 1, upload_min_rate: 1_000, upload_idle_seconds: 5 }
    const { stage, client, uploads } = await start({ config: { limits } })
    const socket = await raw(stage.port, request(1_000_000))
    const drip = setInterval(() => socket.write('x'), 100)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    expect((await client.get('/update')).status).toBe(200)
    await closed
    clearInterval(drip)
    const deadline = Date.now() + 10_000
    while (stage.appliance.update.procedure.isBusy && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(stage.appliance.update.procedure.isBusy).toBe(false)
    expect(uploads()).toEqual([])
  }, 30_000)

  test('one that goes away leaves nothing behind', async () => {
    const { stage, uploads } = await start()
    const socket = await raw(stage.port, request(1_000_000))
    socket.write('some bytes')
    const isBusy = () => stage.appliance.update.procedure.isBusy
    while (!isBusy()) await new Promise((resolve) => setTimeout(resolve, 10))
    socket.destroy()
    const deadline = Date.now() + 10_000
    while (isBusy() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isBusy()).toBe(false)
    expect(uploads()).toEqual([])
  }, 30_000)
})

describe('forms that are not as they should be', () => {
  const field = (name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  test.each([
    ['no final boundary', type['content-type'], `${head('update')}x`, [400]],
    ['a boundary of 200 characters', `multipart/form-data; boundary=${'b'.repeat(200)}`, 'x', [400]],
    ['no boundary', 'multipart/form-data', 'x', [400]],
    [
      'nine parts',
      type['content-type'],
      `${Array.from({ length: 9 }, (_, at) => field(`a${at}`, 'x')).join('')}--${boundary}--\r\n`,
      [413],
    ],
    [
      'a part with a head of 64 KiB',
      type['content-type'],
      `--${boundary}\r\nX: ${'y'.repeat(65_536)}\r\n\r\nx${tail}`,
      [400],
    ],
    ['another type', 'text/plain', 'x', [400]],
    ['nothing', type['content-type'], '', [400]],
    ['only the end', type['content-type'], `--${boundary}--\r\n`, [400]],
    ['a text where a file belongs', type['content-type'], `${field('update', 'x')}--${boundary}--\r\n`, [400]],
  ])('%s', async (_name, contentType, body, statuses) => {
    const { client, url } = await start()
    const answer = await client.http.fetch(url('/update'), {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    })
    expect(statuses).toContain(answer.status)
    const text = (await answer.json()) as { Status: string }
    expect(text.Status).toMatch(/^4\d\d /)
  })

  test('the name of an uploaded file is never a path', async () => {
    const { client, stage, url } = await start()
    const body = `${head('update', '../../../../../../tmp/hearth-planted')}x${tail}`
    expect((await client.http.fetch(url('/update'), { method: 'POST', headers: type, body })).status).toBe(202)
    await stage.appliance.update.procedure.settled()
    expect(existsSync('/tmp/hearth-planted')).toBe(false)
  })

  test('line breaks in what is refused do not become headers', async () => {
    const { client, url } = await start()
    const value = '{"network":{"interface":"eth0","hostname":"a\\r\\nSet-Cookie: x=1"}}'
    const body = head('settings') + value + tail
    const answer = await client.http.fetch(url('/settings'), { method: 'POST', headers: type, body })
    expect(answer.status).toBe(400)
    expect(answer.headers.get('set-cookie')).toBe(null)
  })
})

describe('archives', () => {
  const time = 1_700_000_000
  const file = (name: string, content = 'x') => [
    tarHeader({ name, size: content.length, time }),
    Buffer.from(content),
    tarPadding(content.length),
  ]
  const typed = (name: string, kind: string) => {
    const header = tarHeader({ name, size: 0, time })
    header.write(kind, 156)
    header.fill(' ', 148, 156)
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    )
    return [header]
  }
  const whole = (...parts: readonly Buffer[][]) => Buffer.concat([...parts.flat(), tarEnd])
  const hostile: Record<string, Buffer> = {
    'a way out': whole(file('../x')),
    'a way out further down': whole(file('a/../../x')),
    'an absolute path': whole(file('/etc/x')),
    'a symbolic link': whole(typed('x', '2'), file('x/y')),
    'a hard link': whole(typed('x', '1')),
    'a device': whole(typed('x', '3')),
    'a pipe': whole(typed('x', '6')),
    'a sparse file': whole(typed('x', 'S')),
    'an extended header': whole(typed('x', 'x'), file('y')),
    'one name twice': whole(file('x'), file('x')),
    'one name in two cases': whole(file('name'), file('NAME')),
    'one name in two forms': whole(file('\u00e9'), file('e\u0301')),
    'an empty part': whole(file('a//b')),
    'a backslash': whole(file('a\\b')),
    'a drive': whole(file('C:x')),
    'a path that is too deep': whole(file(Array.from({ length: 40 }, () => 'a').join('/'))),
    'a damaged header': Buffer.concat([whole(file('x')).fill(1, 20, 30)]),
    'something behind the end': Buffer.concat([whole(file('x')), Buffer.from('more')]),
    'no end': Buffer.concat(file('x')),
  }
  async function names(bytes: Buffer): Promise<string[]> {
    const found: string[] = []
    const source = (async function* () {
      for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700)
    })()
    for await (const { name } of readTar(source)) found.push(name)
    return found
  }

  test.each(Object.keys(hostile))('%s is refused', async (name) => {
    await expect(names(hostile[name]!)).rejects.toBeInstanceOf(TarError)
  })

  test('plain ones are read', async () => {
    expect(await names(whole(file('a'), file('b/c', 'y'.repeat(1_000)), file('d')))).toEqual(['a', 'b/c', 'd'])
  })

  test('as backups all of them are 400, and nothing is left', async () => {
    const { client, uploads } = await start()
    const more = { 'a gzipped bomb': gzipSync(Buffer.alloc(20_000_000)), 'a zip': Buffer.from('PK\x03\x04rest') }
    for (const [name, content] of Object.entries({ ...hostile, ...more })) {
      const answer = await client.post('/backup/restore', [{ name: 'archive', file: 'backup.tar', content }])
      expect([name, answer.status]).toEqual([name, 400])
    }
    expect(uploads()).toEqual([])
    expect((await client.get('/version')).status).toBe(404)
  }, 60_000)
})

test('backups stop, are deleted, and their log stays', async () => {
  let go = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  const { client, stage } = await start({
    more: {
      save: (destination) =>
        destination(
          (async function* () {
            yield Buffer.from('begun')
            await gate
            yield Buffer.from('ended')
          })(),
        ),
    },
  })
  const act = (action: string) => client.post('/backup', [{ name: 'action', content: action }])
  expect((await act('PAUSE')).status).toBe(400)
  expect((await client.post('/backup', [])).status).toBe(400)
  expect((await act('STOP')).status).toBe(202)
  expect((await act('start')).status).toBe(202)
  expect(await (await client.get('/backup')).json()).toEqual({ status: 'running' })
  expect((await act('START')).status).toBe(400)
  expect((await client.get('/backup/download')).status).toBe(404)
  const stopped = act('STOP')
  go()
  expect((await stopped).status).toBe(202)
  expect((await client.get('/backup')).status).toBe(404)
  expect((await act('START')).status).toBe(202)
  expect(await client.until('/backup', ({ status }) => status !== 'running')).toMatchObject({ status: 'success' })
  expect((await act('STOP')).status).toBe(202)
  expect((await client.get('/backup/download')).status).toBe(404)
  expect(await (await client.get('/backup/log')).text()).toContain('Deleting backup')
  expect(readFileSync(join(stage.root, 'log', 'update_backup.log'), 'utf8')).toMatch(
    /\[LIVE IMAGE\] Starting backup\nCreated file: \S+backup\.tar - size: \d+\.\dK - hash: [0-9a-f]{64}\n/,
  )
})
