import { scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const T = '/data/test.designs'

scenarios('design documents', openStage, [
  {
    name: 'an index',
    request: `POST ${T}/_index`,
    body: { index: { fields: ['startdate', 'enddate'] }, ddoc: 'events', name: 'by-dates' },
    status: 200,
  },
  {
    name: 'is read in the contract’s shape',
    request: `GET ${T}/_design/events`,
    status: 200,
    json: {
      _id: '_design/events',
      language: 'query',
      views: {
        'by-dates': {
          map: { fields: { startdate: 'asc', enddate: 'asc' }, partial_filter_selector: {} },
          reduce: '_count',
          options: { def: { fields: ['startdate', 'enddate'] } },
        },
      },
    },
    lacks: ['_type'],
    save: { rev: '_rev' },
    answers: { etag: '"{{rev}}"' },
  },
  {
    name: 'encoded as one segment',
    request: `GET ${T}/_design%2Fevents`,
    status: 200,
    json: { _id: '_design/events' },
  },
  { name: 'HEAD', request: `HEAD ${T}/_design/events`, status: 200, answers: { etag: '"{{rev}}"' } },
  { name: 'If-None-Match', request: `GET ${T}/_design/events`, headers: { 'if-none-match': '"{{rev}}"' }, status: 304 },
  { name: 'missing', request: `GET ${T}/_design/none`, status: 404, json: { error: 'not_found', reason: 'missing' } },
  { name: 'a plain document', request: `PUT ${T}/plain`, body: {}, status: 200 },
  {
    name: 'listed with documents',
    request: `GET ${T}/_design_docs?include_docs=true`,
    status: 200,
    json: { total_rows: 1, rows: [{ id: '_design/events', doc: { _rev: '{{rev}}', language: 'query' } }] },
  },
  {
    name: 'copied without a destination',
    request: `POST ${T}/_design/events/copy`,
    status: 400,
    contains: ['"You must set a Destination header"'],
  },
  {
    name: 'copied onto a plain id',
    request: `POST ${T}/_design/events/copy`,
    headers: { destination: 'plain2' },
    status: 400,
  },
  {
    name: 'copied',
    request: `POST ${T}/_design/events/copy?rev={{rev}}`,
    headers: { destination: '_design/copy' },
    body: 'null',
    status: 201,
    json: { ok: true, id: '_design/copy', rev: '{{rev}}' },
  },
  {
    name: 'copied again',
    request: `POST ${T}/_design/events/copy`,
    headers: { destination: '_design/copy' },
    status: 409,
    json: { error: 'conflict' },
  },
  {
    name: 'copied over',
    request: `POST ${T}/_design/events/copy`,
    headers: { destination: '_design/copy?rev={{rev}}' },
    status: 201,
    json: { rev: /^2-/ },
  },
  {
    name: 'copied from nothing',
    request: `POST ${T}/_design/none/copy`,
    headers: { destination: '_design/x' },
    status: 404,
  },
  {
    name: 'deleted without a revision',
    request: `DELETE ${T}/_design/events`,
    status: 400,
    json: { error: 'You must pass a rev param' },
  },
  {
    name: 'deleted with a wrong one',
    request: `DELETE ${T}/_design/events?rev=1-abc`,
    status: 409,
    json: { error: 'conflict' },
  },
  {
    name: 'deleted',
    request: `DELETE ${T}/_design/events?rev={{rev}}`,
    status: 200,
    json: { ok: true, id: '_design/events', rev: /^2-/ },
  },
  { name: 'deleted again', request: `DELETE ${T}/_design/events?rev={{rev}}`, status: 404 },
  {
    name: 'views are not exposed',
    request: `GET ${T}/_design/copy/_view/by-dates`,
    status: 404,
    json: { error: 'code=404, message=Not Found' },
  },
  {
    name: 'an index on files',
    request: 'POST /data/io.cozy.files/_index',
    body: { index: { fields: ['name'] }, ddoc: 'by-name' },
    status: 200,
  },
  {
    name: 'a built-in one stays',
    request: 'DELETE /data/io.cozy.files/_design/dir-children?rev=1-abc',
    status: 403,
    json: { error: 'This design doc cannot be deleted' },
  },
  {
    name: 'an index may not take its name',
    request: 'POST /data/io.cozy.files/_index',
    body: { index: { fields: ['name'] }, ddoc: 'dir-children' },
    status: 403,
  },
])
