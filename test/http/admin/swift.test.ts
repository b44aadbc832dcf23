/** The routes for an instance's objects, on the real server. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import postgres from 'postgres'
import { postgresBin } from '../../support/postgres.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { newStage, type Stage } from './files-stage.ts'
import { objectPlaces } from './object-places.ts'

setDefaultTimeout(60_000)

const places = postgresBin() === undefined ? [] : objectPlaces()

describe.each(places)('objects of an instance, in $name', ({ env }) => {
  let server: TestServer
  let sql: postgres.Sql
  let stage: Stage
  beforeAll(async () => {
    server = await startServer({ database: 'external', env: await env() })
    sql = postgres(server.databaseUrl ?? '', { max: 2, onnotice: () => {} })
    stage = await newStage(server, sql)
  })
  afterAll(async () => {
    await sql?.end()
    await server?.stop()
  })

  const at = (name: string) => `/swift/vfs/${encodeURIComponent(name)}`
  const names = async (of = stage) =>
    ((await (await of.admin('GET', '/swift/vfs')).json()) as { objects_names: string[] }).objects_names
  const get = async (name: string, of = stage) => {
    const answer = await of.admin('GET', at(name))
    return { answer, bytes: Buffer.from(await answer.arrayBuffer()) }
  }

  test.each([
    ['67a88b22520680b1fae840/9a8a0/18d02/iYbkfuCDEMaVoIXg', Buffer.from('"this is my content"')],
    ['0190a7b2-1234-7abc-8def-0123456789ab/iYbkfuCDEMaVoIXg', Buffer.from('by another id')],
    ['avatar', Buffer.alloc(0)],
    ['thumbs/x-tiny', Buffer.from([0, 255, 254, 0, 13, 10, 128])],
    ['a%2Fb', Buffer.from('a percent sign')],
    ['100%', Buffer.from('another')],
    ['a+b c', Buffer.from('plus and blank')],
    ['ü/é/e\u0301/😀', Buffer.from('any letters')],
    ['a/b?c=d#e&f', Buffer.from('of a query')],
    ['a//b/../c/.', Buffer.from('no path')],
    ['"\\<>|:*', Buffer.from('odd ones')],
    ['n'.repeat(400), Buffer.from('long')],
    ['big', randomBytes(5 * 1024 * 1024 + 3)],
  ])('%s comes back as it was put', async (name, bytes) => {
    const put = await stage.admin('PUT', at(name), {
      body: bytes,
      headers: { 'content-type': 'text/x-odd; charset=utf-8' },
    })
    expect([put.status, put.headers.get('content-type'), await put.text()]).toEqual([200, 'application/json', 'null'])
    expect(await names()).toContain(name)
    const { answer, bytes: found } = await get(name)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/x-odd; charset=utf-8')
    expect(answer.headers.get('content-length')).toBe(`${bytes.length}`)
    expect(found.equals(bytes)).toBe(true)
    const head = await stage.admin('HEAD', at(name))
    expect([head.status, head.headers.get('content-length')]).toEqual([200, `${bytes.length}`])
    const gone = await stage.admin('DELETE', at(name))
    expect([gone.status, await gone.text()]).toEqual([200, 'null'])
    expect(await names()).not.toContain(name)
    expect((await get(name)).answer.status).toBe(404)
  })

  test('the list is in byte order, without the prefix, and one instance never sees another', async () => {
    const [one, two] = [await newStage(server, sql), await newStage(server, sql)]
    expect(await names(one)).toEqual([])
    const put = ['b', 'a/b', 'a', 'a b', 'Z', 'é', '😀', '\uffee']
    for (const name of put) await one.putObject(name, name)
    await two.putObject('a', 'of two')
    const byBytes = [...put].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(await names(one)).toEqual(byBytes)
    expect(await names(two)).toEqual(['a'])
    expect((await get('a', one)).bytes.toString()).toBe('a')
    await one.deleteObject('a')
    expect((await get('a', two)).bytes.toString()).toBe('of two')
    expect((await get(`../cozy-v3-${two.prefix}/a`, one)).answer.status).toBe(404)
  })

  test('more objects than a page of the store holds are all listed', async () => {
    const many = await newStage(server, sql)
    const all = Array.from({ length: 1_100 }, (_, number) => `many/${`${number}`.padStart(5, '0')}`)
    let next = 0
    const worker = async () => {
      for (let name = all[next++]; name !== undefined; name = all[next++]) await many.putObject(name, '')
    }
    await Promise.all(Array.from({ length: 16 }, worker))
    expect(await names(many)).toEqual(all)
  })

  test('what an upload stored is there, and putting touches neither document nor quota', async () => {
    const own = await newStage(server, sql)
    const id = await own.file('a.txt', 'hello')
    const before = await own.stored(id)
    const object = await own.objectOf(id)
    expect(await names(own)).toEqual([object])
    const { answer, bytes } = await get(object, own)
    expect([answer.headers.get('content-type'), bytes.toString()]).toEqual(['text/plain', 'hello'])
    await own.putObject(object, 'x'.repeat(1_000), 'application/x-other')
    expect(await own.stored(id)).toEqual(before)
    const usage = await own.api('GET', '/settings/disk-usage')
    if (usage.status === 200) expect((await usage.json()).data.attributes.used).toBe('5')
  })

  test('a body of unknown length, and no content type', async () => {
    const chunks = Readable.from([Buffer.from('one '), Buffer.from('two')])
    const put = await stage.admin('PUT', at('chunked'), { body: chunks, headers: { 'transfer-encoding': 'chunked' } })
    expect(put.status).toBe(200)
    const { answer, bytes } = await get('chunked')
    expect([answer.headers.get('content-type'), bytes.toString()]).toEqual(['application/octet-stream', 'one two'])
  })

  test('a client that leaves in the middle leaves nothing, and what was there stays', async () => {
    await stage.putObject('half', 'whole')
    const { hostname, port } = new URL(server.adminUrl)
    const authorization = `Basic ${Buffer.from(`a:${server.passphrase}`).toString('base64')}`
    for (const head of ['content-length: 100000', 'transfer-encoding: chunked']) {
      const body = head.startsWith('transfer') ? `5\r\nhalf \r\n` : 'half '
      await new Promise<void>((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => {
          const lines = [
            'PUT /swift/vfs/half HTTP/1.1',
            `host: ${stage.domain}`,
            `authorization: ${authorization}`,
            head,
          ]
          socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
          setTimeout(() => socket.destroy(), 200)
        })
        socket.on('error', reject)
        socket.on('close', () => resolve())
      })
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect((await get('half')).bytes.toString()).toBe('whole')
    }
  })

  test.each([
    ['GET', '/swift/vfs/nothing', 404],
    ['HEAD', '/swift/vfs/nothing', 404],
    ['DELETE', '/swift/vfs/nothing', 404],
    ['PUT', '/swift/vfs/%00', 400],
    ['GET', '/swift/vfs/%ff', 400],
    ['PUT', '/swift/vfs/%zz', 400],
    ['PUT', `/swift/vfs/${'x'.repeat(1_100)}`, 400],
    ['POST', '/swift/vfs/a', 404],
    ['POST', '/swift/vfs', 404],
    ['PUT', '/swift/vfs', 404],
    ['GET', '/swift/vfs/a/b', 404],
    ['POST', '/swift/layouts', 404],
  ])('%s %p is %p', async (method, path, status) => {
    const answer = await stage.admin(method, path, method === 'PUT' ? { body: 'x' } : {})
    expect(answer.status).toBe(status)
    if (method !== 'HEAD' && status === 404 && path.endsWith('nothing')) {
      expect(await answer.json()).toEqual({
        errors: [{ status: '404', title: 'Not Found', detail: 'Object not found', source: {} }],
      })
    }
  })

  test('an unknown host is 404 in the form asked for, a former domain leads to the present one', async () => {
    const host = { host: 'nobody.localhost' }
    const plain = await stage.admin('GET', '/swift/vfs', { headers: host })
    expect([plain.status, await plain.text()]).toEqual([404, 'Instance not found'])
    const asked = await stage.admin('GET', at('a'), { headers: { ...host, accept: 'application/json' } })
    expect([asked.status, await asked.json()]).toEqual([404, { error: 'Instance not found' }])
    const former = `former-${Date.now()}.localhost`
    const changed = await stage.admin('PATCH', `/instances/${stage.domain}?OldDomain=${former}`)
    expect(changed.status).toBe(200)
    const moved = await stage.admin('GET', '/swift/vfs/a%2Fb?c=d', { headers: { host: former } })
    expect(moved.status).toBe(308)
    expect(moved.headers.get('location')).toBe(`http://${stage.domain}/swift/vfs/a%2Fb?c=d`)
  })

  test('without the passphrase nothing is told or done', async () => {
    await stage.putObject('kept', 'kept')
    for (const [method, path] of [
      ['GET', '/swift/vfs'],
      ['GET', at('kept')],
      ['PUT', at('kept')],
      ['DELETE', at('kept')],
      ['GET', '/swift/layouts'],
    ] as const) {
      expect((await stage.admin(method, path, { headers: { authorization: '' } })).status).toBe(401)
      expect((await stage.admin(method, path, { headers: { authorization: 'Basic eDp5' } })).status).toBe(403)
    }
    expect((await get('kept')).bytes.toString()).toBe('kept')
  })

  test('layouts are counted, and named when asked', async () => {
    const domains = async () => {
      const { data } = await (await stage.admin('GET', '/instances')).json()
      return (data as { attributes: { domain: string } }[]).map(({ attributes }) => attributes.domain)
    }
    const all = await domains()
    const none = { counter: 0 }
    const counted = { total: all.length, unknown: none, v1: none, v2a: none, v2b: none, v3a: none }
    const answer = await stage.admin('GET', '/swift/layouts')
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await answer.json()).toEqual({ ...counted, v3b: { counter: all.length } })
    const named = await (await stage.admin('GET', '/swift/layouts?show_domains=true')).json()
    expect(named).toEqual({ ...counted, v3b: { counter: all.length, domains: all } })
    const made = await stage.admin('POST', `/instances?Domain=v2-${Date.now()}.localhost&SwiftLayout=1`)
    expect(made.status).toBe(201)
    const after = await (await stage.admin('GET', '/swift/layouts')).json()
    expect([after.total, after.v2b, after.v3b]).toEqual([all.length + 1, { counter: 1 }, { counter: all.length }])
  })
})
