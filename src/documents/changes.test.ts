import { describe, expect, test } from 'bun:test'
import type { ChangesPage, ChangesRange, DatabaseRef, StoredDocument } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { noDatabase } from '../model/no-database.ts'
import { changesReader } from './changes.ts'
import { formatSequence } from './sequence.ts'
import type { ChangesEvent, ChangesQuery } from './service.ts'

const ref: DatabaseRef = { prefix: 'p', name: 'db' }
const seqOf = (n: number, epoch = '1') => formatSequence({ updateSeq: BigInt(n), epoch })

/** A feed in memory that counts what is asked of it. */
class FakeStore {
  epoch = '1'
  exists = true
  failing = false
  reads = 0
  counts = 0
  documents: StoredDocument[] = []
  readonly listeners = new Set<() => void>()

  put(id: string, body: object = {}): void {
    const seq = (this.documents.at(-1)?.seq ?? 0n) + 1n
    this.documents = this.documents.filter((document) => document.id !== id)
    this.documents.push({ id, gen: 1, hash: 'h', deleted: false, leaves: 1, seq, text: JSON.stringify(body) })
    for (const listener of this.listeners) listener()
  }

  async changes(_ref: DatabaseRef, range: ChangesRange): Promise<ChangesPage> {
    this.reads += 1
    if (this.failing) throw new Problem('store_unavailable', 'down')
    if (!this.exists) throw noDatabase()
    const ordered = range.descending ? [...this.documents].reverse() : this.documents
    const rows = ordered
      .filter(({ seq }) => range.after === undefined || (range.descending ? seq < range.after : seq > range.after))
      .filter(({ id }) => range.ids?.includes(id) ?? true)
      .slice(0, range.limit)
    const updateSeq = this.documents.at(-1)?.seq ?? 0n
    return { epoch: this.epoch, updateSeq, total: this.documents.length, rows }
  }

  async countChanges(_ref: DatabaseRef, { after = 0n, descending }: Pick<ChangesRange, 'after' | 'descending'>) {
    this.counts += 1
    const count = this.documents.filter(({ seq }) => (descending ? seq < after : seq > after)).length
    return { count, updateSeq: this.documents.at(-1)?.seq ?? 0n }
  }

  watch(_ref: DatabaseRef, listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readTrees = async () => new Map()
  readRevisions = async () => []
}

const plain: ChangesQuery = {
  feed: 'normal',
  descending: false,
  includeDocs: false,
  conflicts: false,
  style: 'main_only',
  timeoutMs: 60_000,
}

function filled(count: number): FakeStore {
  const store = new FakeStore()
  for (let n = 1; n <= count; n++) store.put(`d${n}`, { n, even: n % 2 === 0 })
  return store
}

async function open(store: FakeStore, query: Partial<ChangesQuery>, signal = new AbortController().signal) {
  const events = await changesReader(store)(ref, { ...plain, ...query }, signal)
  return events[Symbol.asyncIterator]()
}

async function all(iterator: AsyncIterator<ChangesEvent>) {
  const ids: string[] = []
  let heartbeats = 0
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    const event = next.value
    if (event.kind === 'rows') ids.push(...event.rows.map(({ text }) => JSON.parse(text).id as string))
    else if (event.kind === 'heartbeat') heartbeats += 1
    else return { ids, heartbeats, lastSeq: event.lastSeq, pending: event.pending }
  }
  return { ids, heartbeats, lastSeq: 'none', pending: -1 }
}

const read = async (store: FakeStore, query: Partial<ChangesQuery>) => all(await open(store, query))

describe('what there is', () => {
  test.each<[string, Partial<ChangesQuery>, string[], number, number]>([
    ['everything', {}, ['d1', 'd2', 'd3', 'd4', 'd5'], 5, 0],
    ['a limit', { limit: 2 }, ['d1', 'd2'], 2, 3],
    ['a limit that is just enough', { limit: 5 }, ['d1', 'd2', 'd3', 'd4', 'd5'], 5, 0],
    ['no row at all', { limit: 0 }, [], 0, 5],
    ['no row behind a place', { limit: 0, since: '3' }, [], 3, 2],
    ['behind a place', { since: seqOf(3) }, ['d4', 'd5'], 5, 0],
    ['behind a place with a limit', { since: seqOf(2), limit: 1 }, ['d3'], 3, 2],
    ['of another database of that name', { since: seqOf(3, '9'), limit: 1 }, ['d1'], 1, 4],
    ['from now', { since: 'now' }, [], 5, 0],
    ['from now without a row', { since: 'now', limit: 0 }, [], 5, 0],
    ['latest first', { descending: true, since: '3' }, ['d5', 'd4', 'd3', 'd2', 'd1'], 1, 0],
    ['the head', { descending: true, limit: 1 }, ['d5'], 5, 4],
    ['some ids', { filter: { kind: 'ids', ids: ['d4', 'no', 'd2'] } }, ['d2', 'd4'], 5, 0],
    ['some ids with a limit', { filter: { kind: 'ids', ids: ['d4', 'd2'] }, limit: 1 }, ['d2'], 2, 3],
    ['a selector', { filter: { kind: 'selector', selector: { even: true } } }, ['d2', 'd4'], 5, 0],
    ['a selector with a limit', { filter: { kind: 'selector', selector: { even: true } }, limit: 1 }, ['d2'], 2, 3],
    ['no match', { filter: { kind: 'designs' } }, [], 5, 0],
    ['a longpoll with rows', { feed: 'longpoll' }, ['d1', 'd2', 'd3', 'd4', 'd5'], 5, 0],
    ['a continuous feed with a limit', { feed: 'continuous', limit: 3 }, ['d1', 'd2', 'd3'], 3, 2],
  ])('%s', async (_name, query, ids, last, pending) => {
    const store = filled(5)
    expect(await read(store, query)).toEqual({ ids, heartbeats: 0, lastSeq: seqOf(last), pending })
    expect(store.listeners.size).toBe(0)
  })

  test('an empty database', async () => {
    for (const descending of [false, true]) {
      expect(await read(new FakeStore(), { descending, limit: 1 })).toMatchObject({ lastSeq: seqOf(0), pending: 0 })
    }
  })

  test('pages follow each other until the end', async () => {
    const { ids } = await read(filled(2_500), {})
    expect(ids).toEqual(Array.from({ length: 2_500 }, (_, n) => `d${n + 1}`))
  })

  test('reading page by page from the start counts nothing', async () => {
    const store = filled(95)
    const reader = changesReader(store)
    let since = '0'
    const pendings: number[] = []
    for (let page = 0; page < 10; page++) {
      const events = await reader(ref, { ...plain, since, limit: 10 }, new AbortController().signal)
      const { lastSeq, pending } = await all(events[Symbol.asyncIterator]())
      pendings.push(pending)
      since = lastSeq
    }
    expect(pendings).toEqual([85, 75, 65, 55, 45, 35, 25, 15, 5, 0])
    expect(store.counts).toBe(0)
    store.put('d1')
    const events = await reader(ref, { ...plain, since: seqOf(10), limit: 10 }, new AbortController().signal)
    expect(await all(events[Symbol.asyncIterator]())).toMatchObject({ pending: 76 })
    expect(store.counts).toBe(1)
  })

  test('bad input is refused before anything is read', async () => {
    const store = filled(1)
    await expect(open(store, { since: 'x' })).rejects.toThrow('Malformed sequence')
    await expect(open(store, { filter: { kind: 'selector', selector: { a: { $x: 1 } } } })).rejects.toThrow(
      'bad_request',
    )
    store.exists = false
    await expect(open(store, {})).rejects.toMatchObject({ code: 'no_database' })
  })
})

describe('feeds that wait', () => {
  test('a longpoll ends with the first change that passes', async () => {
    const store = filled(3)
    const filter = { kind: 'selector', selector: { even: true } } as const
    const answer = read(store, { feed: 'longpoll', since: 'now', filter })
    await Bun.sleep(10)
    store.put('odd', { even: false })
    await Bun.sleep(10)
    store.put('even', { even: true })
    expect(await answer).toEqual({ ids: ['even'], heartbeats: 0, lastSeq: seqOf(5), pending: 0 })
    expect(store.listeners.size).toBe(0)
  })

  test('a change between the read and the wait is not missed', async () => {
    const store = filled(1)
    const original = store.changes.bind(store)
    store.changes = async (...given) => {
      const page = await original(...given)
      if (store.reads === 2) store.put('late')
      return page
    }
    expect(await read(store, { feed: 'longpoll', since: 'now' })).toMatchObject({ ids: ['late'] })
  })

  test('a timeout ends a feed where it stands', async () => {
    const started = performance.now()
    for (const feed of ['longpoll', 'continuous'] as const) {
      expect(await read(filled(3), { feed, since: 'now', timeoutMs: 60 })).toMatchObject({ ids: [], lastSeq: seqOf(3) })
    }
    expect(performance.now() - started).toBeGreaterThan(110)
  })

  test('a row starts the time anew', async () => {
    const store = filled(1)
    const answer = read(store, { feed: 'continuous', since: 'now', timeoutMs: 100 })
    for (let n = 0; n < 4; n++) {
      await Bun.sleep(50)
      store.put(`new${n}`)
    }
    expect((await answer).ids).toEqual(['new0', 'new1', 'new2', 'new3'])
  })

  test('with a heartbeat it has no end, and rows stand for heartbeats', async () => {
    const store = filled(1)
    const leaving = new AbortController()
    const iterator = await open(store, { feed: 'continuous', heartbeatMs: 20, timeoutMs: 30 }, leaving.signal)
    const kinds: string[] = []
    for (let n = 0; n < 5; n++) {
      if (n === 3) store.put('x')
      kinds.push((await iterator.next()).value?.kind)
    }
    expect(kinds).toEqual(['rows', 'heartbeat', 'heartbeat', 'rows', 'heartbeat'])
    leaving.abort()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(store.listeners.size).toBe(0)
  })

  test('changes that a filter holds back do not hold back heartbeats', async () => {
    const store = filled(1)
    const leaving = new AbortController()
    const query: Partial<ChangesQuery> = {
      feed: 'continuous',
      since: 'now',
      heartbeatMs: 30,
      filter: { kind: 'designs' },
    }
    const iterator = await open(store, query, leaving.signal)
    const writes = setInterval(() => store.put('again'), 5)
    expect((await iterator.next()).value?.kind).toBe('heartbeat')
    clearInterval(writes)
    leaving.abort()
    await iterator.next()
  })

  test('leaving while it waits ends it at once', async () => {
    const store = filled(1)
    const leaving = new AbortController()
    const iterator = await open(store, { feed: 'longpoll', since: 'now' }, leaving.signal)
    const next = iterator.next()
    await Bun.sleep(10)
    expect(store.listeners.size).toBe(1)
    leaving.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(store.listeners.size).toBe(0)
  })

  test('a server that stops ends it like a timeout', async () => {
    const store = filled(2)
    const stopping = new AbortController()
    const reader = changesReader(store, stopping.signal)
    const events = await reader(ref, { ...plain, feed: 'continuous', heartbeatMs: 5_000 }, new AbortController().signal)
    const answer = all(events[Symbol.asyncIterator]())
    setTimeout(() => stopping.abort(), 20)
    expect(await answer).toMatchObject({ ids: ['d1', 'd2'], lastSeq: seqOf(2), pending: 0 })
  })

  test('it outlives a store that is away for a while', async () => {
    const store = filled(1)
    const answer = read(store, { feed: 'longpoll', since: 'now' })
    await Bun.sleep(10)
    store.failing = true
    store.put('written')
    await Bun.sleep(30)
    store.failing = false
    expect(await answer).toMatchObject({ ids: ['written'], lastSeq: seqOf(2) })
  })

  test('what cannot be read at once is a failure of a normal feed', async () => {
    const store = filled(1_001)
    const iterator = await open(store, {})
    await iterator.next()
    store.failing = true
    await expect(iterator.next()).rejects.toThrow('store_unavailable')
  })

  test.each([
    ['dropped', (store: FakeStore) => (store.exists = false)],
    ['made anew', (store: FakeStore) => (store.epoch = '2')],
  ])('a database that is %s ends it', async (_name, happen) => {
    const store = filled(3)
    const answer = read(store, { feed: 'continuous', since: 'now' })
    await Bun.sleep(10)
    happen(store)
    for (const listener of store.listeners) listener()
    expect(await answer).toEqual({ ids: [], heartbeats: 0, lastSeq: seqOf(3), pending: 0 })
  })
})
