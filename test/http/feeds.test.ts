/** Feeds of changes in real time, on both faces: they answer when something happens and end when nobody listens. */
import { beforeAll, describe, expect, test } from 'bun:test'
import { type FeedRow, linesOf, numberOf } from '../support/feeds.ts'
import { sharedServer, type TestServer } from '../support/server.ts'

const domain = 'feeds.localhost'
let server: TestServer
let headers: Record<string, string>
let count = 0

beforeAll(async () => {
  server = await sharedServer()
  await server.createInstance(domain)
  const token = await server.token('*', { domain })
  headers = { host: domain, authorization: `Bearer ${token}`, 'content-type': 'application/json' }
}, 60_000)

async function send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const text = body === undefined ? {} : { body: JSON.stringify(body) }
  return server.fetch(path, { method, headers, ...text, ...(signal ? { signal } : {}) })
}

async function json(response: Response | Promise<Response>) {
  return (await (await response).json()) as { results: FeedRow[]; last_seq: string; pending: number }
}

async function listeners(): Promise<number> {
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const text = await (await server.fetch(`${server.adminUrl}/metrics`, { headers: { authorization } })).text()
  return Number(/^hearth_changes_listeners (\d+)$/m.exec(text)?.[1])
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 100; wait++) {
    if (await condition()) return
    await Bun.sleep(50)
  }
  throw new Error('it never came true')
}

describe.each(['/data', '/couchdb'])('feeds under %s', (face) => {
  let db: string
  let path: string
  beforeAll(() => {
    db = `io.cozy.feeds${++count}`
    path = `${face}/${db}`
  })
  /** Documents go in by one face and are followed on both. */
  const put = async (id: string, body: object = {}) => {
    expect((await send('PUT', `/couchdb/${db}/${id}`, body)).status).toBe(201)
  }

  test('a longpoll is answered by a write within a second', async () => {
    expect([201, 412]).toContain((await send('PUT', `/couchdb/${db}`)).status)
    const started = performance.now()
    const answer = json(send('GET', `${path}/_changes?feed=longpoll&since=now`))
    await Bun.sleep(200)
    await put('first')
    const { results, pending } = await answer
    expect(results.map(({ id }) => id)).toEqual(['first'])
    expect(pending).toBe(0)
    expect(performance.now() - started).toBeLessThan(1_200)
  })

  test('a longpoll behind what there is waits, and its last_seq goes on', async () => {
    const { last_seq: since } = await json(send('GET', `${path}/_changes`))
    const empty = await json(send('GET', `${path}/_changes?feed=longpoll&since=${since}&timeout=150`))
    expect(empty).toEqual({ results: [], last_seq: since, pending: 0 })
    await put('second')
    const { results } = await json(send('GET', `${path}/_changes?feed=longpoll&since=${since}`))
    expect(results.map(({ id }) => id)).toEqual(['second'])
  })

  test('a longpoll sends its first bytes before anything happens', async () => {
    const answer = await send('GET', `${path}/_changes?feed=longpoll&since=now&timeout=60000`)
    const reader = answer.body?.getReader()
    const first = await reader?.read()
    expect(new TextDecoder().decode(first?.value)).toBe('{"results":[\n')
    await reader?.cancel()
  })

  test('a longpoll with a filter waits for what passes', async () => {
    const answer = json(
      send('POST', `${path}/_changes?feed=longpoll&since=now&filter=_selector`, { selector: { wanted: true } }),
    )
    await Bun.sleep(100)
    await put('unwanted')
    await Bun.sleep(100)
    await put('wanted', { wanted: true })
    const { results, last_seq: last } = await answer
    expect(results.map(({ id }) => id)).toEqual(['wanted'])
    expect((await json(send('GET', `${path}/_changes?since=now`))).last_seq).toBe(last)
  })

  test('a heartbeat is a line, also in front of the first row', async () => {
    const response = await send('GET', `${path}/_changes?feed=longpoll&since=now&heartbeat=50&timeout=60`)
    const texts: string[] = []
    const reading = (async () => {
      for await (const line of linesOf(response)) texts.push(line)
    })()
    await Bun.sleep(300)
    expect(texts.slice(0, 3)).toEqual(['{"results":[', '', ''])
    await put('beat')
    await reading
    expect(JSON.parse(texts.join('\n')).results).toHaveLength(1)
  })

  test('a continuous feed has the writes in their order, heartbeats between them, and an end', async () => {
    const leaving = new AbortController()
    const response = await send(
      'GET',
      `${path}/_changes?feed=continuous&since=now&heartbeat=100`,
      undefined,
      leaving.signal,
    )
    expect(response.headers.get('content-type')).toBe('application/json')
    const rows: FeedRow[] = []
    let blank = 0
    const reading = (async () => {
      for await (const line of linesOf(response)) {
        if (line === '') blank += 1
        else rows.push(JSON.parse(line))
      }
    })()
    for (let n = 0; n < 10; n++) await put(`row${n}`)
    await until(async () => rows.length === 10 && blank > 2)
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, n) => `row${n}`))
    expect(rows.map(({ seq }) => numberOf(seq))).toEqual(rows.map((_, n) => numberOf(rows[0]!.seq) + n))
    leaving.abort()
    await reading.catch(() => {})

    const started = performance.now()
    const text = await (await send('GET', `${path}/_changes?feed=live&since=${rows[7]!.seq}&timeout=200`)).text()
    const lines = text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(['row8', 'row9', undefined])
    expect(JSON.parse(lines[2]!)).toEqual({ last_seq: rows[9]!.seq, pending: 0 })
    expect(performance.now() - started).toBeGreaterThan(190)
  })

  test('an event source reads on where it was', async () => {
    const { last_seq: last } = await json(send('GET', `${path}/_changes?limit=1`))
    const ask = (more: Record<string, string>) =>
      server.fetch(`${path}/_changes?feed=eventsource&limit=2&include_docs=true&since=0`, {
        headers: { ...headers, ...more },
      })
    const response = await ask({})
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    const [one = '', two = '', end] = (await response.text()).split('\n\n')
    expect([one, two].map((event) => event.replace(/\n.*/, ''))).toEqual([
      expect.stringMatching(/^data: \{"seq":"1-\w+","id":"first",.*"doc":\{"_id":"first"/),
      expect.stringMatching(/^data: \{"seq":"2-\w+","id":"second"/),
    ])
    expect(end).toBe('')
    const id = one.split('\nid: ')[1] ?? ''
    expect(id).toBe(JSON.stringify(last))
    expect(await (await ask({ 'last-event-id': id })).text()).toStartWith(`${two}\n\n`)
  })

  test('an event source has heartbeats', async () => {
    const leaving = new AbortController()
    const response = await send(
      'GET',
      `${path}/_changes?feed=eventsource&since=now&heartbeat=50`,
      undefined,
      leaving.signal,
    )
    const lines: string[] = []
    for await (const line of linesOf(response)) {
      lines.push(line)
      if (lines.length === 4) break
    }
    leaving.abort()
    expect(lines).toEqual(['event: heartbeat', 'data: ', '', 'event: heartbeat'])
  })

  test('a dropped database ends its feeds', async () => {
    const own = `${db}.dropped`
    await send('PUT', `/couchdb/${own}`)
    const feed = (await send('GET', `${face}/${own}/_changes?feed=continuous&heartbeat=10000`)).text()
    await Bun.sleep(100)
    await send('DELETE', `/couchdb/${own}`)
    expect(await feed).toMatch(/^\{"last_seq":"0-\w+","pending":0\}\n$/)
  })

  test('a client that leaves frees everything', async () => {
    await until(async () => (await listeners()) === 0)
    const leaving = new AbortController()
    const feeds = ['longpoll', 'continuous', 'eventsource', 'continuous&heartbeat=100', 'longpoll&heartbeat=5000']
    const answers = await Promise.all(
      feeds.map((feed) => send('GET', `${path}/_changes?since=now&feed=${feed}`, undefined, leaving.signal)),
    )
    for (const answer of answers) answer.text().catch(() => {})
    await until(async () => (await listeners()) === feeds.length)
    leaving.abort()
    await until(async () => (await listeners()) === 0)
  })
})

test('thousands of rows flow in order, whoever reads slowly', async () => {
  const path = '/couchdb/io.cozy.feeds.many'
  await send('PUT', path)
  for (let at = 0; at < 5_000; at += 1_000) {
    const docs = Array.from({ length: 1_000 }, (_, n) => ({
      _id: `d${String(at + n).padStart(5, '0')}`,
      text: 'x'.repeat(500),
    }))
    expect((await send('POST', `${path}/_bulk_docs`, { docs })).status).toBe(201)
  }
  const seen: number[] = []
  for await (const line of linesOf(
    await send('GET', `${path}/_changes?feed=continuous&timeout=100&include_docs=true`),
  )) {
    const row = JSON.parse(line) as FeedRow
    if (row.id === undefined) break
    if (seen.length % 1_000 === 0) await Bun.sleep(20)
    seen.push(numberOf(row.seq))
  }
  expect(seen).toEqual(Array.from({ length: 5_000 }, (_, n) => n + 1))
  let since = '0'
  const pendings: number[] = []
  for (let pending = 1; pending > 0; ) {
    const page = await json(send('GET', `${path}/_changes?limit=999&since=${since}`))
    since = page.last_seq
    pending = page.pending
    pendings.push(pending)
  }
  expect(pendings).toEqual([4001, 3002, 2003, 1004, 5, 0])
}, 30_000)
