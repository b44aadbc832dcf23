/** `_changes` of the data API: its parameters and its words. Feeds in time: test/http/feeds.test.ts. */
import { scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const T = '/data/io.cozy.changes'
const row = (id: string) => ({ id, seq: /^\d+-\w+$/, changes: [{ rev: /^\d+-[0-9a-f]{32}$/ }] })

scenarios('changes of a doctype', openStage, [
  { name: 'a doctype that was never written', request: `GET ${T}/_changes`, status: 404, contains: ['not_found'] },
  { name: 'a', request: `PUT ${T}/a`, body: { kind: 'x', n: 1 }, status: 200, save: { rev: 'rev' } },
  { name: 'b', request: `PUT ${T}/b`, body: { kind: 'y', n: 2 }, status: 200 },
  { name: 'c', request: `PUT ${T}/c`, body: { kind: 'x', n: 3 }, status: 200 },
  {
    name: 'all',
    request: `GET ${T}/_changes`,
    status: 200,
    json: { results: [row('a'), row('b'), row('c')], last_seq: /^3-/, pending: 0 },
    lacks: ['"doc"', '"deleted"'],
    save: { last: 'last_seq', first: 'results.0.seq' },
    answers: { 'content-type': /^application\/json/, 'cache-control': 'must-revalidate' },
  },
  {
    name: 'one row a line',
    request: `GET ${T}/_changes?limit=1`,
    status: 200,
    contains: ['{"results":[\n{"seq":"', '}\n],\n"last_seq":"1-', '","pending":2}\n'],
  },
  {
    name: 'behind a sequence',
    request: `GET ${T}/_changes?since={{first}}`,
    status: 200,
    json: { results: [row('b'), row('c')], last_seq: '{{last}}' },
  },
  {
    name: 'behind a number',
    request: `GET ${T}/_changes?since=2`,
    status: 200,
    json: { results: [row('c')], last_seq: '{{last}}' },
  },
  {
    name: 'nothing new',
    request: `GET ${T}/_changes?since={{last}}`,
    status: 200,
    json: { results: [], last_seq: '{{last}}', pending: 0 },
  },
  { name: 'now', request: `GET ${T}/_changes?since=now`, status: 200, json: { results: [], last_seq: '{{last}}' } },
  {
    name: 'a page',
    request: `GET ${T}/_changes?limit=2`,
    status: 200,
    json: { results: [row('a'), row('b')], last_seq: /^2-/, pending: 1 },
  },
  {
    name: 'a limit of 0 is none',
    request: `GET ${T}/_changes?limit=0`,
    status: 200,
    json: { pending: 0 },
    contains: ['"c"'],
  },
  {
    name: 'the head, before a first replication',
    request: `GET ${T}/_changes?limit=1&descending=true`,
    status: 200,
    json: { results: [row('c')], last_seq: '{{last}}', pending: 2 },
  },
  {
    name: 'what PouchDB asks for',
    request: `GET ${T}/_changes?style=all_docs&seq_interval=10&since=0&limit=10&batch_size=5&return_docs=true&_nonce=x`,
    status: 200,
    json: { results: [row('a'), row('b'), row('c')] },
  },
  {
    name: 'documents',
    request: `GET ${T}/_changes?include_docs=true&limit=1`,
    status: 200,
    json: { results: [{ id: 'a', doc: { _id: 'a', _rev: '{{rev}}', kind: 'x', n: 1 } }] },
  },
  {
    name: 'some documents',
    request: `POST ${T}/_changes?filter=_doc_ids`,
    body: { doc_ids: ['c', 'nope', 'a'] },
    status: 200,
    json: { results: [row('a'), row('c')], last_seq: '{{last}}' },
  },
  {
    name: 'some documents by GET',
    request: `GET ${T}/_changes?filter=_doc_ids&doc_ids=%5B%22b%22%5D`,
    status: 200,
    json: { results: [row('b')] },
  },
  {
    name: 'a selector',
    request: `POST ${T}/_changes?filter=_selector&include_docs=true&style=all_docs&since=0&limit=1000`,
    body: { selector: { kind: 'x', cozyLocalOnly: { $exists: false } } },
    status: 200,
    json: { results: [{ id: 'a' }, { id: 'c' }], last_seq: '{{last}}' },
  },
  {
    name: 'a selector and the fields to keep',
    request: `POST ${T}/_changes?filter=_selector&include_docs=true`,
    body: { selector: { n: { $gt: 2 } }, fields: ['_id', 'n'] },
    status: 200,
    contains: ['"doc":{"_id":"c","n":3}'],
  },
  {
    name: 'design documents',
    request: `GET ${T}/_changes?filter=_design`,
    status: 200,
    json: { results: [], pending: 0 },
  },
  { name: 'an empty body', request: `POST ${T}/_changes`, status: 200, json: { pending: 0 } },
  { name: 'a is deleted', request: `DELETE ${T}/a?rev={{rev}}`, status: 200 },
  {
    name: 'a tombstone moves to the end',
    request: `GET ${T}/_changes?include_docs=true&since={{last}}`,
    status: 200,
    json: { results: [{ id: 'a', deleted: true, doc: { _id: 'a', _deleted: true } }], last_seq: /^4-/ },
  },
  { name: 'a token in the query', request: `GET ${T}/_changes?bearer_token=x`, status: 200 },
])

scenarios('changes that are refused', openStage, [
  { name: 'the database', request: `PUT ${T}2/`, status: 201 },
  ...(
    [
      ['inlude_docs=true', "Bad Request(400): Unsupported query parameter 'inlude_docs'"],
      ['view=a/b', "Bad Request(400): Unsupported query parameter 'view'"],
      ['feed=other', "Bad Request(400): Unsuported feed value 'other'"],
      ['style=bad', "Bad Request(400): Unsuported style value 'bad'"],
      ['limit=abc', "Bad Request(400): Invalid limit value 'abc'"],
      ['limit=-1', "Bad Request(400): Invalid limit value '-1'"],
      ['heartbeat=0', "Bad Request(400): Invalid heartbeat value '0'"],
      ['timeout=x', "Bad Request(400): Invalid timeout value 'x'"],
      ['filter=a/b', "Bad Request(400): Unsuported filter value 'a/b'"],
      ['filter=_view', "Bad Request(400): Unsuported filter value '_view'"],
    ] as const
  ).map(([query, error]) => ({
    name: query,
    request: `GET ${T}2/_changes?${query}`,
    status: 400,
    json: { error },
  })),
  {
    name: 'a sequence that is none',
    request: `GET ${T}2/_changes?since=bad-seq`,
    status: 400,
    json: { error: 'bad_request', reason: "Malformed sequence supplied in 'since' parameter." },
  },
  {
    name: 'ids that are missing',
    request: `POST ${T}2/_changes?filter=_doc_ids`,
    status: 400,
    json: { error: 'bad_request', reason: 'no_doc_ids_provided' },
  },
  {
    name: 'a selector that is missing',
    request: `POST ${T}2/_changes?filter=_selector`,
    body: {},
    status: 400,
    json: { reason: 'Selector must be specified in POST payload' },
  },
  {
    name: 'a selector that is malformed',
    request: `POST ${T}2/_changes?filter=_selector`,
    body: { selector: { a: { $nope: 1 } } },
    status: 400,
    json: { error: 'bad_request' },
  },
  {
    name: 'no JSON',
    request: `POST ${T}2/_changes`,
    body: '{',
    status: 400,
    json: { error: 'Bad Request(400): invalid UTF-8 JSON' },
  },
  { name: 'no token', request: `GET ${T}2/_changes`, as: 'nobody', status: 401 },
  { name: 'another doctype', request: `GET ${T}2/_changes`, as: 'io.cozy.other', status: 403 },
  { name: 'some documents only', request: `GET ${T}2/_changes`, as: 'io.cozy.changes2:GET:a', status: 403 },
  { name: 'writing only', request: `GET ${T}2/_changes`, as: 'io.cozy.changes2:POST', status: 403 },
  {
    name: 'reading',
    request: `GET ${T}2/_changes`,
    as: 'io.cozy.changes2:GET',
    status: 200,
    json: { last_seq: /^0-/ },
  },
  { name: 'a wrong method', request: `PUT ${T}2/_changes`, body: {}, status: 405, answers: { allow: 'GET,HEAD,POST' } },
  { name: 'HEAD', request: `HEAD ${T}2/_changes?feed=continuous`, status: 200 },
])

const C = '/couchdb/io.cozy.changes3'

scenarios("changes on CouchDB's face", openStage, [
  { name: 'no database', request: `GET ${C}/_changes`, status: 404, json: { reason: 'Database does not exist.' } },
  { name: 'the database', request: `PUT ${C}`, status: 201 },
  { name: 'a', request: `PUT ${C}/a`, body: {}, status: 201 },
  { name: 'a design document', request: `PUT ${C}/_design/d`, body: { filters: { f: 'function' } }, status: 201 },
  {
    name: 'a branch of a',
    request: `POST ${C}/_bulk_docs`,
    body: {
      new_edits: false,
      docs: [
        { _id: 'a', _rev: '1-00', _deleted: true },
        { _id: 'a', _rev: '2-00', x: 1 },
      ],
    },
    status: 201,
  },
  {
    name: 'all leaves, the winner first, deleted ones too',
    request: `GET ${C}/_changes?style=all_docs&filter=_doc_ids&doc_ids=%5B%22a%22%5D&include_docs=true&conflicts=true`,
    status: 200,
    contains: ['"changes":[{"rev":"2-00"},{"rev":"1-', '"_conflicts":["1-'],
    json: { results: [{ id: 'a', changes: [{ rev: '2-00' }, {}, { rev: '1-00' }] }] },
  },
  {
    name: 'the winner only',
    request: `GET ${C}/_changes?filter=_doc_ids&doc_ids=%5B%22a%22%5D`,
    status: 200,
    json: { results: [{ id: 'a', changes: [{ rev: '2-00' }] }] },
  },
  {
    name: 'a selector looks at each leaf',
    request: `POST ${C}/_changes?style=all_docs&filter=_selector`,
    body: { selector: { _deleted: true } },
    status: 200,
    json: { results: [{ id: 'a', changes: [{ rev: '1-00' }] }] },
  },
  {
    name: 'a limit of 0',
    request: `GET ${C}/_changes?limit=0`,
    status: 200,
    json: { results: [], last_seq: /^0-/, pending: 2 },
  },
  { name: 'unknown parameters', request: `GET ${C}/_changes?inlude_docs=true`, status: 200 },
  {
    name: 'design documents',
    request: `GET ${C}/_changes?filter=_design`,
    status: 200,
    json: { results: [{ id: '_design/d' }] },
  },
  {
    name: 'a filter function',
    request: `GET ${C}/_changes?filter=d/f`,
    status: 501,
    json: { error: 'not_implemented' },
  },
  {
    name: 'one that is not there',
    request: `GET ${C}/_changes?filter=d/g`,
    status: 404,
    json: { reason: 'missing json key: g' },
  },
  {
    name: 'nor its design document',
    request: `GET ${C}/_changes?filter=no/g`,
    status: 404,
    json: { reason: 'missing' },
  },
  { name: 'a view as filter', request: `GET ${C}/_changes?filter=_view&view=d/v`, status: 501 },
  {
    name: 'an unknown filter',
    request: `GET ${C}/_changes?filter=_x`,
    status: 400,
    json: { reason: 'unknown builtin filter name' },
  },
  {
    name: 'a filter without a name',
    request: `GET ${C}/_changes?filter=x`,
    status: 400,
    json: { error: 'bad_request' },
  },
  { name: 'an unknown feed', request: `GET ${C}/_changes?feed=x`, status: 400, json: { error: 'bad_request' } },
  { name: 'a bad limit', request: `GET ${C}/_changes?limit=abc`, status: 400, json: { error: 'query_parse_error' } },
  { name: 'a body that is not announced', request: `POST ${C}/_changes`, body: '{}', status: 415 },
  {
    name: 'a body that is no object',
    request: `POST ${C}/_changes`,
    body: [],
    status: 400,
    json: { error: 'bad_request' },
  },
  { name: 'no token', request: `GET ${C}/_changes`, as: 'nobody', status: 401 },
  { name: 'some documents only', request: `GET ${C}/_changes`, as: 'io.cozy.changes3:GET:a', status: 403 },
])
