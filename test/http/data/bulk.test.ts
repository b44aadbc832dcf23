import { scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const T = '/data/test.bulk'
const conflict = { error: 'conflict', reason: 'Document update conflict.' }

scenarios('_bulk_docs', openStage, [
  {
    name: 'makes the doctype and ids',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'a', n: 1 }, { n: 2 }] },
    status: 201,
    json: [
      { ok: true, id: 'a', rev: /^1-/ },
      { ok: true, id: /^[0-9a-f]{32}$/ },
    ],
    save: { a: '0.rev' },
  },
  {
    name: 'each on its own',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'a' }, { _id: 'b' }, { _id: 'b' }] },
    status: 201,
    json: [
      { id: 'a', ...conflict },
      { ok: true, id: 'b' },
      { id: 'b', ...conflict },
    ],
  },
  {
    name: 'updates and deletes, drops _type',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'a', _type: 'test.bulk', _rev: '{{a}}', _deleted: true }] },
    status: 201,
    json: [{ ok: true, rev: /^2-/ }],
  },
  {
    name: 'a revision of an unknown document goes on from it',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'new', _rev: '1-abc' }] },
    status: 201,
    json: [{ ok: true, rev: /^2-/ }],
  },
  { name: 'no documents', request: `POST ${T}/_bulk_docs`, body: { docs: [] }, status: 201, json: [] },
  {
    name: 'no docs',
    request: `POST ${T}/_bulk_docs`,
    body: {},
    status: 400,
    json: { error: 'bad_request', reason: 'POST body must include `docs` parameter.' },
  },
  { name: 'docs that are no list', request: `POST ${T}/_bulk_docs`, body: { docs: {} }, status: 400 },
  {
    name: 'new_edits that is no boolean',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [], new_edits: 1 },
    status: 400,
  },
  {
    name: 'no JSON',
    request: `POST ${T}/_bulk_docs`,
    body: '{',
    status: 400,
    json: { error: 'code=400, message=request body is not valid JSON' },
  },
  ...[{ _foo: 1 }, { _id: '_x' }, { _id: 5 }, { _rev: 'x' }, 5, { _type: 'test.other' }].map((bad) => ({
    name: `one bad document spoils all: ${JSON.stringify(bad)}`,
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'never' }, bad] },
    status: 400,
    lacks: ['"ok"'],
  })),
  { name: 'nothing of these was written', request: `GET ${T}/never`, status: 404, json: { reason: 'missing' } },
  {
    name: 'a document over the limit',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'big', x: 'x'.repeat(8_000_001) }] },
    status: 413,
    json: { error: 'document_too_large', reason: 'big' },
  },
  {
    name: 'replicated: failures only',
    request: `POST ${T}/_bulk_docs`,
    body: { new_edits: false, docs: [{ _id: 'r', _rev: '3-c', _revisions: { start: 3, ids: ['c', 'b', 'a'] }, n: 1 }] },
    status: 201,
    json: [],
  },
  {
    name: 'with its history',
    request: `GET ${T}/r?revs=true`,
    status: 200,
    json: { _rev: '3-c', _revisions: { start: 3, ids: ['c', 'b', 'a'] } },
  },
  {
    name: 'replicated without a revision',
    request: `POST ${T}/_bulk_docs`,
    body: { new_edits: false, docs: [{ _id: 'r' }] },
    status: 400,
    json: { reason: 'When `new_edits: false`, the document needs `_rev` or `_revisions` specified' },
  },
])
