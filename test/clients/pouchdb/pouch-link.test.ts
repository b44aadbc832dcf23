/**
 * cozy-pouch-link's first and incremental sync as plain requests: it does not load outside a browser. What the documents are stored in is left out.
 */
import { beforeAll, describe, expect, test } from 'bun:test'
import { freshName, type Remote, sharedRemote } from './remote.ts'

interface Feed {
  readonly results: readonly {
    readonly id: string
    readonly seq: string
    readonly changes: readonly { readonly rev: string }[]
    readonly deleted?: boolean
    readonly doc?: { readonly _id: string }
  }[]
  readonly last_seq: string
  readonly pending: number
}

interface List {
  readonly rows: readonly { readonly id: string; readonly doc: { readonly _id: string; readonly _rev: string } }[]
}

let remote: Remote
const type = freshName()

async function ask<T>(method: string, path: string, body?: unknown, status = 200): Promise<T> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await remote.fetch(`/data/${type}${path}`, { method, ...sent })
  const text = await answer.text()
  expect(`${answer.status} ${text.slice(0, 200)}`).toStartWith(`${status} `)
  return JSON.parse(text) as T
}

const selector = { cozyLocalOnly: { $exists: false } }
const changes = (since: string, limit = 1_000) =>
  ask<Feed>(
    'POST',
    `/_changes?filter=_selector&style=all_docs&since=${encodeURIComponent(since)}&limit=${limit}&include_docs=true`,
    { selector },
  )

describe('cozy-pouch-link on /data', () => {
  const kept = new Map<string, string>()
  let lastSeq = ''
  beforeAll(async () => {
    remote = await sharedRemote()
  })

  test('a doctype that nobody made is skipped', async () => {
    expect(await ask<object>('GET', '/_changes?limit=1&descending=true', undefined, 404)).toMatchObject({
      error: 'not_found',
    })
  })

  test('a reserved one too, by the words of its refusal', async () => {
    const answer = await remote.fetch('/data/io.cozy.sessions/_changes?limit=1&descending=true')
    const { error } = (await answer.json()) as { error: string }
    expect([answer.status, error.includes('message=reserved doctype')]).toEqual([403, true])
  })

  test('the first sync notes where the doctype is, then takes it in pages', async () => {
    const docs = Array.from({ length: 2_345 }, (_, n) => ({ _id: `${'aÀ/béZ'[n % 6]}_${n}`, n }))
    await ask('POST', '/_bulk_docs', { docs }, 201)
    await ask('POST', '/_index', { index: { fields: ['n'] }, ddoc: 'by-n' })
    const head = await ask<Feed>('GET', '/_changes?limit=1&descending=true')
    lastSeq = head.last_seq
    expect(head.results.map(({ seq }) => seq)).toEqual([lastSeq])
    const { update_seq } = await ask<{ update_seq: string }>('GET', '/')
    expect(lastSeq).toBe(update_seq)

    let last: string | undefined
    let pages = 0
    for (;;) {
      const from = last === undefined ? '' : `&startkey_docid=${encodeURIComponent(last)}`
      const { rows } = await ask<List>('GET', `/_all_docs?limit=1000&include_docs=true${from}`)
      pages += 1
      for (const { doc } of rows) kept.set(doc._id, doc._rev)
      if (rows.length < 1_000) break
      last = rows.at(-1)?.id
    }
    expect(pages).toBe(3)
    expect(kept.size).toBe(2_346)
    expect([...docs.map(({ _id }) => _id)].every((id) => kept.has(id))).toBe(true)
  })

  test('nothing has changed since', async () => {
    expect(await changes(lastSeq)).toEqual({ results: [], last_seq: lastSeq, pending: 0 })
  })

  test('an incremental sync takes what has changed, and no more', async () => {
    const [[changed = '', rev = ''] = [], [gone = '', itsRev = ''] = []] = [...kept].filter(([id]) =>
      id.startsWith('b_'),
    )
    const { rev: newRev } = await ask<{ rev: string }>('PUT', `/${encodeURIComponent(changed)}`, {
      ...{ _id: changed, _rev: rev },
      n: -1,
    })
    await ask('DELETE', `/${encodeURIComponent(gone)}?rev=${itsRev}`)
    await ask('POST', '/_bulk_docs', { docs: [{ _id: 'local', cozyLocalOnly: true }, { _id: 'new' }] }, 201)
    const checkpoint = `/_local/${encodeURIComponent('xA.b_c==')}`
    expect(await ask<object>('GET', checkpoint, undefined, 404)).toMatchObject({ error: 'not_found' })

    const feed = await changes(lastSeq)
    expect(feed.results.map(({ id, deleted = false }) => [id, deleted])).toEqual([
      [changed, false],
      [gone, true],
      ['new', false],
    ])
    expect(feed.pending).toBe(0)
    expect(feed.results.every(({ doc, id }) => doc?._id === id)).toBe(true)

    const asked = feed.results.flatMap(({ id, changes }) => changes.map(({ rev }) => ({ id, rev })))
    const { results } = await ask<{ results: { id: string; docs: { ok: { _rev: string; _revisions: object } }[] }[] }>(
      'POST',
      '/_bulk_get?revs=true&latest=true',
      { docs: asked },
    )
    expect(results.map(({ id, docs }) => [id, docs[0]?.ok._rev])).toEqual(asked.map(({ id, rev }) => [id, rev]))
    expect(results[0]?.docs[0]?.ok._revisions).toEqual({ start: 2, ids: [newRev.slice(2), rev.slice(2)] })

    const history = [{ session_id: 's1', last_seq: feed.last_seq }]
    const note = {
      _id: '_local/xA.b_c==',
      session_id: 's1',
      history,
      replicator: 'pouchdb',
      version: 1,
      last_seq: feed.last_seq,
    }
    expect(await ask<object>('PUT', checkpoint, note, 201)).toMatchObject({ rev: '0-1' })
    expect(await ask<object>('GET', checkpoint)).toMatchObject({ ...note, _rev: '0-1' })
    expect((await changes(feed.last_seq)).results).toEqual([])
  })

  test('local edits go up with their history', async () => {
    const [id = '', rev = ''] = [...kept].find(([one]) => one.startsWith('a_')) ?? []
    const mine = `2-${'f'.repeat(32)}`
    expect(await ask<object>('POST', '/_revs_diff', { [id]: [mine] })).toEqual({
      [id]: { missing: [mine], possible_ancestors: [rev] },
    })
    const doc = { _id: id, _rev: mine, _revisions: { start: 2, ids: ['f'.repeat(32), rev.slice(2)] }, mine: true }
    expect(await ask<unknown>('POST', '/_bulk_docs', { docs: [doc], new_edits: false }, 201)).toEqual([])
    expect(await ask<object>('GET', `/${encodeURIComponent(id)}?conflicts=true`)).toMatchObject({
      _rev: mine,
      mine: true,
    })
    expect(await ask<object>('POST', '/_revs_diff', { [id]: [mine] })).toEqual({})
  })
})
