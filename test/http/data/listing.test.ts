import { scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const T = '/data/test.listing'
const q = encodeURIComponent
const docs = ['B', 'a', 'b', 'c/d', 'é'].map((_id, n) => ({ _id, n, deep: { x: n, y: n }, list: [{ x: 1, y: 2 }, 3] }))
const ids = (text: string) => text.split(' ').map((id) => ({ id }))

scenarios('_all_docs', openStage, [
  {
    name: 'no doctype',
    request: `GET ${T}/_all_docs`,
    status: 404,
    json: { error: 'not_found', reason: 'Database does not exist.' },
    lacks: ['"ok"'],
  },
  { name: 'documents', request: `POST ${T}/_bulk_docs`, body: { docs }, status: 201 },
  {
    name: 'a design document',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: '_design/by-n' }] },
    status: 201,
  },
  {
    name: 'in byte order, design documents too',
    request: `GET ${T}/_all_docs`,
    status: 200,
    json: {
      total_rows: 6,
      offset: 0,
      rows: [{ id: 'B', key: 'B', value: { rev: /^1-/ } }, { id: '_design/by-n' }, ...ids('a b c/d é')],
    },
    lacks: ['"doc"', '_type'],
  },
  {
    name: 'include_docs',
    request: `GET ${T}/_all_docs?include_docs=true`,
    status: 200,
    contains: ['"doc":{"_id":"B"'],
    lacks: ['_type'],
  },
  {
    name: 'include_docs in capitals',
    request: `GET ${T}/_all_docs?include_docs=TRUE&limit=1`,
    status: 200,
    contains: ['"doc":'],
  },
  {
    name: 'a wrong boolean',
    request: `GET ${T}/_all_docs?include_docs=perhaps`,
    status: 400,
    json: { error: 'query_parse_error', reason: 'Invalid boolean parameter: "perhaps"' },
  },
  {
    name: 'a wrong number',
    request: `GET ${T}/_all_docs?limit=x`,
    status: 400,
    json: { error: 'query_parse_error', reason: 'Invalid value for integer: "x"' },
  },
  {
    name: 'a negative number',
    request: `GET ${T}/_all_docs?skip=-1`,
    status: 400,
    json: { reason: 'Invalid value for positive integer: "-1"' },
  },
  {
    name: 'limit and skip',
    request: `GET ${T}/_all_docs?limit=2&skip=2`,
    status: 200,
    json: { total_rows: 6, offset: 2, rows: ids('a b') },
  },
  { name: 'limit 0', request: `GET ${T}/_all_docs?limit=0`, status: 200, json: { total_rows: 6, rows: [] } },
  {
    name: 'descending',
    request: `GET ${T}/_all_docs?descending=true&limit=2`,
    status: 200,
    json: { rows: ids('é c/d') },
  },
  {
    name: 'a range',
    request: `GET ${T}/_all_docs?startkey="a"&endkey="c/d"`,
    status: 200,
    json: { offset: 2, rows: ids('a b c/d') },
  },
  {
    name: 'a range without its end',
    request: `GET ${T}/_all_docs?start_key="a"&end_key="b"&inclusive_end=false`,
    status: 200,
    json: { rows: ids('a') },
  },
  { name: 'a key that is no JSON', request: `GET ${T}/_all_docs?startkey=a`, status: 400 },
  { name: 'a number sorts before every id', request: `GET ${T}/_all_docs?endkey=5`, status: 200, json: { rows: [] } },
  { name: 'one key', request: `GET ${T}/_all_docs?key="b"`, status: 200, json: { rows: ids('b') } },
  {
    name: 'startkey_docid without startkey',
    request: `GET ${T}/_all_docs?startkey_docid=b&limit=2`,
    status: 200,
    json: { offset: 3, rows: ids('b c/d') },
  },
  {
    name: 'startkey_docid of an id with a slash',
    request: `GET ${T}/_all_docs?startkey_docid=${q('c/d')}&limit=1000`,
    status: 200,
    json: { rows: ids('c/d é') },
  },
  {
    name: 'update_seq',
    request: `GET ${T}/_all_docs?update_seq=true&limit=0`,
    status: 200,
    json: { update_seq: /^6-/ },
  },
  {
    name: 'keys in the query',
    request: `GET ${T}/_all_docs?keys=${q('["b","none","a","b"]')}`,
    status: 200,
    json: {
      total_rows: 6,
      offset: null,
      rows: [{ id: 'b' }, { key: 'none', error: 'not_found' }, { id: 'a' }, { id: 'b' }],
    },
  },
  {
    name: 'keys in the body',
    request: `POST ${T}/_all_docs?include_docs=true`,
    body: { keys: ['a', 'none'] },
    status: 200,
    json: {
      rows: [
        { id: 'a', doc: { _id: 'a', n: 1 } },
        { key: 'none', error: 'not_found' },
      ],
    },
  },
  {
    name: 'no Content-Type is fine',
    request: `POST ${T}/_all_docs`,
    body: '{"keys":["a"]}',
    status: 200,
    json: { rows: ids('a') },
  },
  {
    name: 'keys that are no list',
    request: `GET ${T}/_all_docs?keys=5`,
    status: 400,
    json: { error: 'bad_request', reason: '`keys` parameter must be an array.' },
  },
  {
    name: 'in the body',
    request: `POST ${T}/_all_docs`,
    body: { keys: 5 },
    status: 400,
    json: { reason: '`keys` body member must be an array.' },
  },
  {
    name: 'keys with bounds',
    request: `GET ${T}/_all_docs?keys=["a"]&startkey="a"`,
    status: 400,
    json: { error: 'query_parse_error' },
  },
  {
    name: 'other parameters in the body, the query wins',
    request: `POST ${T}/_all_docs?limit=1`,
    body: { limit: 3, startkey: 'a' },
    status: 200,
    json: { rows: ids('a') },
  },
  { name: 'no body', request: `POST ${T}/_all_docs?limit=1`, status: 400, json: { error: 'bad_request' } },
  {
    name: 'no JSON',
    request: `POST ${T}/_all_docs`,
    body: '{',
    status: 400,
    json: { error: 'bad_request', reason: 'invalid UTF-8 JSON' },
  },
  {
    name: 'Fields cuts documents down and drops key',
    request: `GET ${T}/_all_docs?Fields=n,deep.x,list.y&DesignDocs=false&limit=1`,
    status: 200,
    json: { rows: [{ id: 'B', doc: { n: 0, deep: { x: 0 }, list: [{ y: 2 }] } }], total_rows: 1 },
    lacks: ['"key"', '"_id"'],
  },
  {
    name: 'DesignDocs=false leaves them out of the count',
    request: `GET ${T}/_all_docs?DesignDocs=false`,
    status: 200,
    json: { total_rows: 5, rows: [{ id: 'B', doc: { n: 0, deep: { y: 0 } } }, ...ids('a b c/d é')] },
  },
  {
    name: 'Fields alone keeps them',
    request: `GET ${T}/_all_docs?Fields=n`,
    status: 200,
    json: { total_rows: 6 },
    contains: ['_design/by-n'],
  },
  {
    name: 'a limit that is none means no limit',
    request: `GET ${T}/_all_docs?Fields=n&limit=x`,
    status: 200,
    json: { total_rows: 6 },
  },
  { name: 'a wrong method', request: `DELETE ${T}/_all_docs`, status: 405 },
])

scenarios('_normal_docs', openStage, [
  {
    name: 'no doctype',
    request: 'GET /data/test.none/_normal_docs',
    status: 404,
    json: { ok: false, error: 'not_found', reason: 'Database does not exist.' },
  },
  {
    name: 'bare documents without design documents',
    request: `GET ${T}/_normal_docs`,
    status: 200,
    json: { total_rows: 5, rows: [{ _id: 'B', n: 0 }, { _id: 'a' }, { _id: 'b' }, { _id: 'c/d' }, { _id: 'é' }] },
    lacks: ['_type', '_design'],
  },
  {
    name: 'a page',
    request: `GET ${T}/_normal_docs?include_docs=true&limit=2`,
    status: 200,
    json: { total_rows: 5, rows: [{ _id: 'B' }, { _id: 'a' }] },
    save: { bookmark: 'bookmark' },
  },
  {
    name: 'the next one; skip is not looked at',
    request: `GET ${T}/_normal_docs?limit=2&skip=2&bookmark={{bookmark}}`,
    status: 200,
    json: { total_rows: 5, rows: [{ _id: 'b' }, { _id: 'c/d' }] },
    save: { bookmark: 'bookmark' },
  },
  {
    name: 'the last one',
    request: `GET ${T}/_normal_docs?limit=2&bookmark={{bookmark}}`,
    status: 200,
    json: { rows: [{ _id: 'é' }] },
    save: { bookmark: 'bookmark' },
  },
  {
    name: 'behind it',
    request: `GET ${T}/_normal_docs?limit=2&bookmark={{bookmark}}`,
    status: 200,
    json: { total_rows: 5, rows: [], bookmark: '' },
  },
  { name: 'skip', request: `GET ${T}/_normal_docs?skip=4`, status: 200, json: { total_rows: 5, rows: [{ _id: 'é' }] } },
  {
    name: 'past the end the total is still true',
    request: `GET ${T}/_normal_docs?skip=40`,
    status: 200,
    json: { total_rows: 5, rows: [], bookmark: '' },
  },
  {
    name: 'statistics',
    request: `GET ${T}/_normal_docs?limit=2&execution_stats=true`,
    status: 200,
    json: { execution_stats: { results_returned: 2 } },
  },
  {
    name: 'a forged bookmark',
    request: `GET ${T}/_normal_docs?bookmark=nonsense`,
    status: 400,
    json: { error: 'invalid_bookmark' },
  },
  {
    name: 'many documents',
    request: 'POST /data/test.many/_bulk_docs',
    body: { docs: Array.from({ length: 150 }, (_, n) => ({ n })) },
    status: 201,
  },
  ...['limit=1001', 'limit=-5', 'limit=abc', ''].map((query) => ({
    name: `100 rows for ${query || 'no limit'}`,
    request: `GET /data/test.many/_normal_docs?Fields=&${query}`,
    status: 200,
    contains: ['"total_rows":150'],
    save: { hundredth: 'rows.99._id' },
  })),
])
