/** What only the CouchDB face has of replication. */
import { type Scenario, scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const D = '/couchdb/replication.extras'
const json = { 'content-type': 'application/json' }

scenarios('_local on /couchdb', openStage, [
  { name: 'a database', request: `PUT ${D}`, status: 201 },
  {
    name: 'no list yet',
    request: `GET ${D}/_local_docs`,
    status: 200,
    json: { total_rows: null, offset: null, rows: [] },
  },
  {
    name: 'local documents among others, each in its place',
    request: `POST ${D}/_bulk_docs`,
    body: {
      docs: [
        { _id: '_local/b', n: 1 },
        { _id: 'a' },
        { _id: '_local/a', n: 2 },
        { _id: 'a' },
        { _id: '_local/b', _rev: '0-9' },
      ],
    },
    status: 201,
    json: [
      { ok: true, id: '_local/b', rev: '0-1' },
      { ok: true, id: 'a', rev: /^1-/ },
      { ok: true, id: '_local/a', rev: '0-1' },
      { id: 'a', error: 'conflict' },
      { ok: true, id: '_local/b', rev: '0-10' },
    ],
  },
  {
    name: 'nothing but local documents',
    request: `POST ${D}/_bulk_docs`,
    body: { docs: [{ _id: '_local/é', n: 3 }] },
    status: 201,
    json: [{ ok: true, id: '_local/é', rev: '0-1' }],
  },
  {
    name: 'replicated ones, silently',
    request: `POST ${D}/_bulk_docs`,
    body: {
      new_edits: false,
      docs: [
        { _id: '_local/b', _rev: '0-1', n: 4 },
        { _id: 'r', _rev: '1-r' },
      ],
    },
    status: 201,
    json: [],
  },
  {
    name: 'a bad one spoils all',
    request: `POST ${D}/_bulk_docs`,
    body: { docs: [{ _id: 'never' }, { _id: '_local/c', _rev: '1-a' }] },
    status: 400,
  },
  { name: 'written they are not', request: `GET ${D}/never`, status: 404 },
  {
    name: '_type is unknown here',
    request: `PUT ${D}/_local/t`,
    body: { _type: 'x' },
    status: 400,
    json: { error: 'doc_validation' },
  },
  { name: 'none of them counts', request: `GET ${D}`, status: 200, json: { doc_count: 2, update_seq: /^2-/ } },
  {
    name: 'nor is found',
    request: `POST ${D}/_find`,
    body: { selector: { _id: { $gt: null } } },
    status: 200,
    lacks: ['_local'],
  },
  {
    name: 'the list, in byte order',
    request: `GET ${D}/_local_docs`,
    status: 200,
    json: {
      total_rows: null,
      offset: null,
      rows: [
        { id: '_local/a', key: '_local/a', value: { rev: '0-1' } },
        { id: '_local/b', key: '_local/b', value: { rev: '0-2' } },
        { id: '_local/é', key: '_local/é', value: { rev: '0-1' } },
      ],
    },
    lacks: ['"doc"'],
  },
  {
    name: 'with documents, from the end',
    request: `GET ${D}/_local_docs?include_docs=true&descending=true&limit=2&startkey="_local/b"`,
    status: 200,
    json: {
      rows: [
        { id: '_local/b', doc: { _id: '_local/b', _rev: '0-2', n: 4 } },
        { id: '_local/a', doc: { _id: '_local/a', _rev: '0-1', n: 2 } },
      ],
    },
  },
  {
    name: 'part of it',
    request: `GET ${D}/_local_docs?start_key="_local/a"&end_key="_local/b"&inclusive_end=false`,
    status: 200,
    json: { rows: [{ id: '_local/a' }] },
  },
  {
    name: 'skipping',
    request: `GET ${D}/_local_docs?skip=1&limit=1`,
    status: 200,
    json: { rows: [{ id: '_local/b' }] },
  },
  {
    name: 'by keys',
    request: `POST ${D}/_local_docs?include_docs=true`,
    body: { keys: ['_local/b', '_local/none', 'a', '_local/b', 5] },
    status: 200,
    json: {
      rows: [
        { id: '_local/b', doc: { n: 4 } },
        { key: '_local/none', error: 'not_found' },
        { key: 'a', error: 'not_found' },
        { id: '_local/b' },
        { key: 5, error: 'not_found' },
      ],
    },
  },
  { name: 'not as JSON', request: `POST ${D}/_local_docs`, body: '{}', status: 415 },
  { name: 'another method', request: `PUT ${D}/_local_docs`, body: {}, status: 405 },
  { name: 'of no database', request: 'GET /couchdb/nowhere/_local_docs', status: 404 },
  { name: 'by a token for one document', request: `GET ${D}/_local_docs`, as: 'replication.extras:GET:a', status: 403 },
  ...['_revs_diff', '_missing_revs', '_bulk_get'].map(
    (route): Scenario => ({
      name: `${route} wants JSON`,
      request: `POST ${D}/${route}`,
      body: '{"docs":[]}',
      headers: { 'content-type': 'text/plain' },
      status: 415,
      json: { error: 'bad_content_type' },
    }),
  ),
  { name: 'no more of it', request: `DELETE ${D}`, status: 200 },
])

const C = '/couchdb/replication.compaction'
const open = (rev: string) => `GET ${C}/a?rev=${rev}`
scenarios('compaction', openStage, [
  { name: 'a database', request: `PUT ${C}`, status: 201 },
  { name: 'a document', request: `PUT ${C}/a`, body: { n: 1 }, status: 201, save: { one: 'rev' } },
  { name: 'changed', request: `PUT ${C}/a`, body: { _rev: '{{one}}', n: 2 }, status: 201, save: { two: 'rev' } },
  { name: 'and again', request: `PUT ${C}/a`, body: { _rev: '{{two}}', n: 3 }, status: 201, save: { three: 'rev' } },
  {
    name: 'a conflict',
    request: `POST ${C}/_bulk_docs`,
    body: { new_edits: false, docs: [{ _id: 'a', _rev: '2-f', _revisions: { start: 2, ids: ['f', 'r'] }, n: 9 }] },
    status: 201,
  },
  { name: 'old bodies are there', request: open('{{one}}'), status: 200, json: { n: 1 } },
  { name: 'not by readers', request: `POST ${C}/_compact`, body: {}, as: 'replication.compaction:GET', status: 403 },
  { name: 'as JSON only', request: `POST ${C}/_compact`, body: '{}', status: 415 },
  { name: '_compact', request: `POST ${C}/_compact`, headers: json, body: '', status: 202, json: { ok: true } },
  {
    name: 'old bodies are gone',
    request: open('{{one}}'),
    status: 404,
    json: { error: 'not_found', reason: 'missing' },
  },
  { name: 'the other too', request: open('{{two}}'), status: 404 },
  { name: 'the winner is not', request: open('{{three}}'), status: 200, json: { n: 3 } },
  { name: 'nor is the conflict', request: open('2-f'), status: 200, json: { n: 9 } },
  {
    name: 'and the history is still told',
    request: `GET ${C}/a?revs_info=true`,
    status: 200,
    json: {
      _revs_info: [
        { rev: '{{three}}', status: 'available' },
        { rev: '{{two}}', status: 'missing' },
        { rev: '{{one}}', status: 'missing' },
      ],
    },
  },
  {
    name: 'so that nothing is asked for again',
    request: `POST ${C}/_revs_diff`,
    body: { a: ['{{one}}', '{{two}}', '{{three}}', '1-r'] },
    status: 200,
    contains: ['{}'],
  },
  {
    name: 'the revision limit',
    request: `PUT ${C}/_revs_limit`,
    body: '2',
    headers: json,
    status: 200,
    json: { ok: true },
  },
  { name: 'as set', request: `GET ${C}/_revs_limit`, status: 200, contains: ['2'] },
  { name: 'cuts the history', request: `PUT ${C}/a`, body: { _rev: '{{three}}' }, status: 201, save: { four: 'rev' } },
  {
    name: 'at two',
    request: `GET ${C}/a?revs_info=true`,
    status: 200,
    json: { _revs_info: [{ rev: '{{four}}' }, { rev: '{{three}}' }] },
    lacks: ['{{two}}'],
  },
  {
    name: 'a stemmed parent is known by name',
    request: `POST ${C}/_revs_diff`,
    body: { a: ['{{two}}'] },
    status: 200,
    contains: ['{}'],
  },
  { name: '_compact of nothing', request: 'POST /couchdb/nowhere/_compact', body: {}, status: 404 },
  { name: '_view_cleanup', request: `POST ${C}/_view_cleanup`, body: {}, status: 202 },
  { name: '_compact of a design document', request: `POST ${C}/_compact/d`, body: {}, status: 202 },
  { name: 'no more of it', request: `DELETE ${C}`, status: 200 },
])
