import { describe, expect, test } from 'bun:test'
import { Problem } from '../../src/model/errors.ts'
import { type ChangesText, type ChangesWords, parseChanges } from './changes-request.ts'

const words: ChangesWords = {
  zeroIsUnlimited: false,
  bad: (name, value) => new Problem('bad_request', `${name}=${value}`),
  badFilter: (value) => new Problem('bad_request', `filter=${value}`),
}
const parse = (text: ChangesText, body?: Parameters<typeof parseChanges>[1], lastEventId?: string) =>
  parseChanges(text, body, lastEventId, words)

describe('parseChanges()', () => {
  test('what is not asked for', () => {
    expect(parse({})).toEqual({
      format: 'body',
      query: {
        feed: 'normal',
        since: undefined,
        limit: undefined,
        descending: false,
        includeDocs: false,
        attachments: false,
        conflicts: false,
        style: 'main_only',
        filter: undefined,
        heartbeatMs: undefined,
        timeoutMs: 60_000,
      },
    })
  })

  test.each([
    ['normal', 'normal', 'body'],
    ['longpoll', 'longpoll', 'body'],
    ['continuous', 'continuous', 'lines'],
    ['live', 'continuous', 'lines'],
    ['eventsource', 'continuous', 'events'],
  ])('feed=%s', (feed, kind, format) => {
    expect(parse({ feed })).toMatchObject({ query: { feed: kind }, format })
  })

  test.each<[ChangesText, object]>([
    [{ timeout: '1000' }, { timeoutMs: 1_000 }],
    [{ timeout: '90000' }, { timeoutMs: 60_000 }],
    [{ heartbeat: 'true' }, { heartbeatMs: 60_000 }],
    [{ heartbeat: '10000' }, { heartbeatMs: 10_000 }],
    [{ heartbeat: '1' }, { heartbeatMs: 10 }],
    [{ heartbeat: '99999999' }, { heartbeatMs: 60_000 }],
    [{ limit: '7' }, { limit: 7 }],
    [{ limit: '0' }, { limit: 0 }],
    [
      { include_docs: 'true', conflicts: 'true', descending: 'true' },
      { includeDocs: true, conflicts: true },
    ],
    [{ include_docs: 'yes' }, { includeDocs: false }],
    [{ style: 'all_docs' }, { style: 'all_docs' }],
    [{ since: '5-x', 'last-event-id': '6-x' }, { since: '6-x' }],
    [{ filter: '_design' }, { filter: { kind: 'designs' } }],
    [{ filter: '_doc_ids', doc_ids: '["a"]' }, { filter: { kind: 'ids', ids: ['a'] } }],
    [{ filter: '' }, { filter: undefined }],
  ])('%p', (text, query) => expect(parse(text).query).toMatchObject(query))

  test('filters of a body', () => {
    expect(parse({ filter: '_doc_ids' }, { doc_ids: ['a', 'b'] }).query.filter).toEqual({
      kind: 'ids',
      ids: ['a', 'b'],
    })
    const selector = { a: 1 }
    expect(parse({ filter: '_selector' }, { selector, fields: ['a'] }).query.filter).toEqual({
      kind: 'selector',
      selector,
      fields: ['a'],
    })
    expect(parse({}, { doc_ids: ['a'] }).query.filter).toBeUndefined()
  })

  test('the header counts for event sources only', () => {
    expect(parse({ feed: 'eventsource', since: '1' }, undefined, '"2-x"').query.since).toBe('"2-x"')
    expect(parse({ feed: 'continuous', since: '1' }, undefined, '"2-x"').query.since).toBe('1')
  })

  test('0 may mean all', () => {
    expect(parseChanges({ limit: '0' }, undefined, undefined, { ...words, zeroIsUnlimited: true }).query.limit).toBe(
      undefined,
    )
  })

  test.each<[ChangesText, Parameters<typeof parseChanges>[1], string]>([
    [{ feed: 'other' }, undefined, 'feed=other'],
    [{ feed: 'toString' }, undefined, 'feed=toString'],
    [{ style: 'bad' }, undefined, 'style=bad'],
    [{ limit: 'abc' }, undefined, 'limit=abc'],
    [{ limit: '-1' }, undefined, 'limit=-1'],
    [{ timeout: '1s' }, undefined, 'timeout=1s'],
    [{ heartbeat: '0' }, undefined, 'heartbeat=0'],
    [{ heartbeat: 'often' }, undefined, 'heartbeat=often'],
    [{ filter: 'a/b' }, undefined, 'filter=a/b'],
    [{ filter: '_doc_ids' }, undefined, 'no_doc_ids_provided'],
    [{ filter: '_doc_ids' }, { doc_ids: 'a' }, 'not a list of doc ids'],
    [{ filter: '_doc_ids' }, { doc_ids: [1] }, 'not a list of doc ids'],
    [{ filter: '_doc_ids', doc_ids: '[' }, undefined, 'invalid UTF-8 JSON'],
    [{ filter: '_selector' }, undefined, 'Selector must be specified in POST payload'],
    [{ filter: '_selector' }, { selector: [] }, 'expected a JSON object'],
    [{}, [], 'Request body must be a JSON object'],
  ])('refuses %p', (text, body, reason) => expect(() => parse(text, body)).toThrow(reason))
})
