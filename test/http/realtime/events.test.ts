/** Which writes give which events, in which order, to whom. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { sharedServer, type TestServer } from '../../support/server.ts'
import { Listener, type Place, until } from './listener.ts'

const domain = 'realtime-events.localhost'
let server: TestServer
let place: Place
let token: string
let names = 0
const open: Listener[] = []

beforeAll(async () => {
  server = await sharedServer()
  await server.createInstance(domain)
  place = { url: server.url, domain }
  token = await server.token('*', { domain })
}, 60_000)
afterEach(async () => {
  for (const listener of open.splice(0)) listener.socket.terminate()
})

const fresh = () => `io.cozy.rt${++names}`
async function subscribe(...targets: readonly string[]): Promise<Listener> {
  const listener = await Listener.subscribed(place, token, ...targets)
  open.push(listener)
  return listener
}
async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await server.fetch(path, {
    method,
    headers: { host: domain, authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const parsed: unknown = text === '' ? {} : JSON.parse(text)
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return parsed as { readonly id: string; readonly rev: string; readonly [name: string]: unknown }
}

test('/data: POST, PUT, PUT, DELETE, and creation over the tombstone', async () => {
  const type = fresh()
  const listener = await subscribe(type)
  const { id, rev } = await ask('POST', `/data/${type}/`, { n: 1 })
  expect(await listener.next()).toEqual([
    { event: 'CREATED', payload: { type, id, doc: { _id: id, _rev: rev, n: 1 } } },
  ])
  const second = await ask('PUT', `/data/${type}/${id}`, { _id: id, _rev: rev, n: 2 })
  const updated = { _id: id, _rev: second.rev, n: 2 }
  expect(await listener.next()).toEqual([{ event: 'UPDATED', payload: { type, id, doc: updated } }])
  const { rev: third } = await ask('DELETE', `/data/${type}/${id}?rev=${second.rev}`)
  const deleted = { _id: id, _rev: third, _deleted: true, n: 2 }
  expect(await listener.next()).toEqual([{ event: 'DELETED', payload: { type, id, doc: deleted } }])
  const again = await ask('PUT', `/data/${type}/${id}`, { n: 4 })
  const created = { _id: id, _rev: again.rev, n: 4 }
  expect(await listener.next()).toEqual([{ event: 'CREATED', payload: { type, id, doc: created } }])
  expect(again.rev).toStartWith('4-')
  await ask('PUT', `/data/${type}/named`, { n: 5 })
  expect(await listener.told()).toEqual(['CREATED named 1'])
  expect(listener.rest).toEqual([])
})

test('/data: _deleted in the body of PUT, and _bulk_docs with all three', async () => {
  const type = fresh()
  await ask('PUT', `/data/${type}/old`, { kept: true })
  const { rev } = await ask('PUT', `/data/${type}/gone`, { was: 'here' })
  const listener = await subscribe(type)
  const { _rev } = (await ask('GET', `/data/${type}/old`)) as unknown as { _rev: string }
  await ask('POST', `/data/${type}/_bulk_docs`, {
    docs: [
      { _id: 'a', n: 1 },
      { _id: 'gone', _rev: rev, _deleted: true },
      { _id: 'old', _rev, n: 2 },
      { _id: 'old', n: 3 },
    ],
  })
  const events = await listener.next(3)
  expect(events.map(({ event, payload }) => `${event} ${payload.id}`)).toEqual([
    'CREATED a',
    'DELETED gone',
    'UPDATED old',
  ])
  expect(events[1]?.payload.doc).toMatchObject({ was: 'here' })
  const { rev: last } = await ask('PUT', `/data/${type}/a`, {
    _id: 'a',
    _rev: events[0]?.payload.doc?.['_rev'],
    _deleted: true,
  })
  const [deleted] = await listener.next()
  expect(deleted).toMatchObject({ event: 'DELETED', payload: { id: 'a', doc: { _rev: last, n: 1 } } })
})

test('/couchdb: the same, with COPY and attachments-free replication', async () => {
  const type = fresh()
  await ask('PUT', `/couchdb/${type}`)
  const listener = await subscribe(type)
  const { rev } = await ask('PUT', `/couchdb/${type}/a`, { n: 1 })
  const { rev: second } = await ask('PUT', `/couchdb/${type}/a`, { _rev: rev, n: 2 })
  await ask('COPY', `/couchdb/${type}/a`, undefined, { destination: 'b' })
  await ask('DELETE', `/couchdb/${type}/a?rev=${second}`)
  await ask('POST', `/couchdb/${type}/_bulk_docs`, { docs: [{ _id: 'c' }] })
  expect(await listener.told(5)).toEqual(['CREATED a 1', 'UPDATED a 2', 'CREATED b 1', 'DELETED a 3', 'CREATED c 1'])
})

test('replicated revisions: new ones, old ones, conflicts and tombstones', async () => {
  const type = fresh()
  await ask('PUT', `/couchdb/${type}`)
  const listener = await subscribe(type)
  const replicate = (...docs: object[]) => ask('POST', `/couchdb/${type}/_bulk_docs`, { docs, new_edits: false })
  await replicate({ _id: 'a', _rev: '1-a', n: 1 })
  expect(await listener.told()).toEqual(['CREATED a 1'])
  // Known already: nothing changes, nothing is told.
  await replicate({ _id: 'a', _rev: '1-a', n: 1 })
  await replicate({ _id: 'b', _revisions: { start: 3, ids: ['c', 'b', 'a'] }, n: 3 })
  expect(await listener.told()).toEqual(['UPDATED b 3'])
  // A losing branch leaves the winner as it was; without it the document is still there.
  await replicate({ _id: 'a', _rev: '1-0', n: 'loser' })
  const [conflict] = await listener.next()
  expect(conflict).toMatchObject({ event: 'UPDATED', payload: { id: 'a', doc: { _rev: '1-a', n: 1 } } })
  await ask('DELETE', `/couchdb/${type}/a?rev=1-a`)
  const [promoted] = await listener.next()
  expect(promoted).toMatchObject({ event: 'UPDATED', payload: { id: 'a', doc: { _rev: '1-0', n: 'loser' } } })
  await ask('DELETE', `/couchdb/${type}/a?rev=1-0`)
  expect((await listener.told())[0]).toStartWith('DELETED a 2')
  await replicate({ _id: 'never', _rev: '2-x', _deleted: true })
  expect(await listener.told()).toEqual(['DELETED never 2'])
  expect(listener.rest).toEqual([])
})

test('what a deleted document held is told while it is kept, else its tombstone alone', async () => {
  const type = fresh()
  const { rev } = await ask('PUT', `/data/${type}/a`, { secret: 1 })
  await ask('DELETE', `/data/${type}/a?rev=${rev}`)
  await ask('POST', `/couchdb/${type}/_compact`, {})
  const listener = await subscribe(type)
  // The feed moves the tombstone on: its parent's body is gone by now.
  await ask('POST', `/couchdb/${type}/_bulk_docs`, {
    docs: [{ _id: 'a', _revisions: { start: 3, ids: ['f', 'e', 'd'] }, _deleted: true, why: 'replicated' }],
    new_edits: false,
  })
  const [event] = await listener.next()
  expect(event).toMatchObject({ event: 'DELETED', payload: { id: 'a', doc: { _rev: '3-f', why: 'replicated' } } })
})

test('numbers and texts arrive as they were written', async () => {
  const type = fresh()
  const listener = await subscribe(type)
  const received: string[] = []
  listener.socket.on('message', (data) => received.push(String(data)))
  const body = '{"big":12345678901234567890123,"one":1.0,"text":"a\\u0000b ü \\" 😀","deep":{"b":1,"a":[]}}'
  const headers = { host: domain, authorization: `Bearer ${token}` }
  await server.fetch(`/data/${type}/x%2Fy%20%22z`, { method: 'PUT', headers, body })
  const [event] = await listener.next()
  expect(event?.payload.id).toBe('x/y "z')
  expect(event?.payload.doc).toMatchObject({ text: 'a\u0000b ü " 😀' })
  expect(received[0]).toContain('12345678901234567890123')
})

test('design documents, local documents and failed writes are not told', async () => {
  const type = fresh()
  await ask('PUT', `/data/${type}/a`, { n: 1 })
  const listener = await subscribe(type, `${type}/_design/x`)
  await ask('POST', `/data/${type}/_index`, { index: { fields: ['n'] }, ddoc: 'x' })
  await ask('PUT', `/data/${type}/_local/check`, { n: 1 })
  await expect(ask('PUT', `/data/${type}/a`, { n: 2 })).rejects.toThrow('409')
  await ask('PUT', `/data/${type}/last`, {})
  expect(await listener.told()).toEqual(['CREATED last 1'])
  expect(listener.rest).toEqual([])
})

describe('targets', () => {
  test('a document and its doctype: each once, and only what was asked for', async () => {
    const [type, other] = [fresh(), fresh()]
    const [whole, one, both] = [await subscribe(type), await subscribe(`${type}/a`), await subscribe(type, `${type}/a`)]
    await ask('PUT', `/data/${other}/a`, {})
    await ask('PUT', `/data/${type}/b`, {})
    await ask('PUT', `/data/${type}/a`, {})
    await ask('PUT', `/data/${type}/c`, {})
    expect(await whole.told(3)).toEqual(['CREATED b 1', 'CREATED a 1', 'CREATED c 1'])
    expect(await both.told(3)).toEqual(['CREATED b 1', 'CREATED a 1', 'CREATED c 1'])
    expect(await one.told()).toEqual(['CREATED a 1'])
    expect([whole.rest, one.rest, both.rest]).toEqual([[], [], []])
  })

  test('UNSUBSCRIBE ends one subscription and nothing else', async () => {
    const type = fresh()
    const listener = await subscribe(type, `${type}/a`)
    listener.command('UNSUBSCRIBE', type)
    listener.command('UNSUBSCRIBE', `${type}/never`)
    await listener.flush()
    await ask('PUT', `/data/${type}/b`, {})
    await ask('PUT', `/data/${type}/a`, {})
    expect(await listener.told()).toEqual(['CREATED a 1'])
    listener.command('UNSUBSCRIBE', `${type}/a`)
    await listener.flush()
    await ask('PUT', `/data/${type}/c`, {})
    listener.command('SUBSCRIBE', type)
    await listener.flush()
    await ask('PUT', `/data/${type}/d`, {})
    expect(await listener.told()).toEqual(['CREATED d 1'])
    expect(listener.events).toHaveLength(2)
  })

  test('another instance with the same doctype is another world', async () => {
    const type = fresh()
    const elsewhere = 'realtime-elsewhere.localhost'
    await server.createInstance(elsewhere)
    const foreign = await server.token('*', { domain: elsewhere })
    const there = await Listener.subscribed({ ...place, domain: elsewhere }, foreign, type, 'io.cozy.ui')
    open.push(there)
    const here = await subscribe(type, 'io.cozy.ui')
    await ask('PUT', `/data/${type}/a`, {})
    await ask('POST', '/realtime/io.cozy.ui/a', {})
    await here.next(2)
    await there.flush()
    expect(there.events).toEqual([])
  })
})

test('a doctype that does not exist yet, that is dropped and made again', async () => {
  const type = fresh()
  const listener = await subscribe(type)
  await ask('PUT', `/data/${type}/a`, {})
  expect(await listener.told()).toEqual(['CREATED a 1'])
  for (let round = 0; round < 3; round += 1) {
    await ask('DELETE', `/data/${type}/`)
    await ask('POST', `/data/${type}/_bulk_docs`, {
      docs: [
        { _id: 'a', round },
        { _id: 'b', round },
      ],
    })
    const events = await listener.next(2)
    expect(events.map(({ event, payload }) => `${event} ${payload.id} ${payload.doc?.['round']}`)).toEqual([
      `CREATED a ${round}`,
      `CREATED b ${round}`,
    ])
  }
  expect(listener.rest).toEqual([])
})

test('changes that follow each other at once are all told, whatever the pace of reading', async () => {
  const type = fresh()
  const listener = await subscribe(type)
  const rounds = 30
  const expected: string[] = []
  for (let n = 0; n < rounds; n += 1) {
    const id = `d${n}`
    const { rev } = await ask('PUT', `/data/${type}/${id}`, { n })
    const { rev: second } = await ask('PUT', `/data/${type}/${id}`, { _id: id, _rev: rev, n: n + 100 })
    await ask('DELETE', `/data/${type}/${id}?rev=${second}`)
    await ask('PUT', `/data/${type}/${id}`, { again: n })
    expected.push(`CREATED ${id} 1`, `UPDATED ${id} 2`, `DELETED ${id} 3`, `CREATED ${id} 4`)
  }
  expect(await listener.told(expected.length)).toEqual(expected)
  const held = listener.events.filter(({ event }) => event === 'DELETED').map(({ payload }) => payload.doc?.['n'])
  expect(held).toEqual(Array.from({ length: rounds }, (_, n) => n + 100))
  // In one request.
  await ask('POST', `/data/${type}/_bulk_docs`, { docs: Array.from({ length: 20 }, (_, n) => ({ _id: `b${n}` })) })
  expect(await listener.told(20)).toHaveLength(20)
  await listener.flush()
  expect(listener.rest).toEqual([])
})

test('whoever subscribes while others write misses nothing from then on, and every document keeps its order', async () => {
  const type = fresh()
  await ask('PUT', `/data/${type}/start`, {})
  let ended = false
  const revisions = new Map<string, number>()
  const writing = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; !ended; n += 1) {
      const id = `w${writer}-${n}`
      const { rev } = await ask('PUT', `/data/${type}/${id}`, { n })
      await ask('PUT', `/data/${type}/${id}`, { _id: id, _rev: rev, n })
      revisions.set(id, performance.now())
    }
  })
  const listeners: { readonly listener: Listener; readonly from: number }[] = []
  for (let n = 0; n < 12; n += 1) {
    // The first one of every three finds nobody listening.
    if (n % 3 === 0) for (const { listener } of listeners.splice(0)) await listener.close()
    const listener = await subscribe(type)
    listeners.push({ listener, from: performance.now() })
    await Bun.sleep(40)
  }
  ended = true
  await Promise.all(writing)
  await ask('PUT', `/data/${type}/end`, {})
  for (const { listener, from } of listeners) {
    await until(() => listener.events.some(({ payload }) => payload.id === 'end'))
    const seen = new Map<string, number>()
    for (const { payload } of listener.events) {
      const generation = Number.parseInt(String(payload.doc?.['_rev']), 10)
      expect(generation).toBeGreaterThan(seen.get(payload.id ?? '') ?? 0)
      seen.set(payload.id ?? '', generation)
    }
    const due = [...revisions].filter(([, at]) => at > from).map(([id]) => id)
    expect(due.length).toBeGreaterThan(5)
    expect(due.filter((id) => seen.get(id) !== 2)).toEqual([])
  }
}, 30_000)

describe('NOTIFIED', () => {
  test('goes to who listens to the document or its doctype, as it was sent and with its id', async () => {
    const type = fresh()
    const [whole, one, other] = [await subscribe(type), await subscribe(`${type}/a\n"b`), await subscribe(`${type}/c`)]
    const path = `/realtime/${type}/${encodeURIComponent('a\n"b')}`
    const body = { data: { title: 'Grüße', nested: [1, { a: null }] }, nul: '\u0000' }
    await ask('POST', path, body)
    const event = { event: 'NOTIFIED', payload: { type, id: 'a\n"b', doc: { ...body, _id: 'a\n"b' } } }
    expect((await whole.next()) as unknown).toEqual([event])
    expect((await one.next()) as unknown).toEqual([event])
    await other.flush()
    expect(other.events).toEqual([])
    // Nothing was stored, not even a database.
    await expect(ask('GET', `/data/${type}/`)).rejects.toThrow('404')
  })

  test('also of doctypes that have no documents', async () => {
    const listener = await subscribe('io.cozy.jobs.events')
    await ask('POST', '/realtime/io.cozy.jobs.events/j', { done: true })
    expect(await listener.next()).toMatchObject([{ event: 'NOTIFIED', payload: { id: 'j', doc: { done: true } } }])
  })
})

test('large documents and thousands of events reach who reads, in order', async () => {
  const type = fresh()
  await ask('PUT', `/couchdb/${type}`)
  const [first, second] = [await subscribe(type), await subscribe(type)]
  await ask('PUT', `/couchdb/${type}/large`, { text: 'x'.repeat(4_000_000) })
  for (let at = 0; at < 5_000; at += 1_000) {
    const docs = Array.from({ length: 1_000 }, (_, n) => ({ _id: `d${at + n}`, text: 'y'.repeat(2_000) }))
    await ask('POST', `/couchdb/${type}/_bulk_docs`, { docs })
  }
  for (const listener of [first, second]) {
    await until(
      () => listener.events.length === 5_001,
      () => `${listener.events.length}, ${listener.socket.readyState}`,
    )
    const ids = new Set(listener.events.map(({ payload }) => payload.id))
    expect(ids.size).toBe(5_001)
    expect(listener.events[0]?.payload.doc?.['text']).toHaveLength(4_000_000)
  }
}, 60_000)

test('files: a directory that a token may read lets it hear of what lies below', async () => {
  const made = async (path: string) => {
    const { data } = (await ask('POST', path)) as unknown as { data: { id: string } }
    return data.id
  }
  const outer = await made('/files/?Type=directory&Name=outer')
  const inner = await made(`/files/${outer}?Type=directory&Name=inner`)
  const file = await made(`/files/${inner}?Type=file&Name=below`)
  const stranger = await made('/files/?Type=file&Name=stranger')
  const restricted = await server.token(`io.cozy.files:GET:${outer}`, { domain })
  const listener = await Listener.subscribed(place, restricted, `io.cozy.files/${file}`, `io.cozy.files/${stranger}`)
  open.push(listener)
  const [refused] = await listener.next()
  expect(refused).toMatchObject({
    event: 'error',
    payload: { code: 'forbidden', source: { payload: { id: stranger } } },
  })
  const attributes = { name: 'renamed' }
  await ask('PATCH', `/files/${stranger}`, { data: { attributes: { name: 'other' } } })
  await ask('PATCH', `/files/${file}`, { data: { attributes } })
  expect(await listener.next()).toMatchObject([
    { event: 'UPDATED', payload: { type: 'io.cozy.files', id: file, doc: attributes } },
  ])
})
