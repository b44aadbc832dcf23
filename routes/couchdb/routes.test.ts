/** The URL space and the wording of the CouchDB face, over an engine that answers as told. */
import type { Documents, WriteOutcome } from '../../src/documents/service.ts'
import type { Instance } from '../../src/instances/service.ts'
import { silentLog } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import { noDatabase as missingDatabase } from '../../src/model/no-database.ts'
import { grant } from '../../src/permissions/granted.ts'
import { parseScope } from '../../src/permissions/scope.ts'
import { type Scenario, scenarios } from '../../test/http/scenarios.ts'
import { couchdbRoutes } from './routes.ts'

const rev = `1-${'a'.repeat(32)}`
const instance: Instance = { id: 'i', rev: '1-a', domain: 'home.localhost', aliases: [], prefix: 'p', document: {} }

function requireDatabase({ name }: { readonly name: string }): void {
  if (name !== 'db') throw missingDatabase()
}

/** One database, `db`, with the document `a` and the tombstone `gone`. */
const engine: Partial<Documents> = {
  listDatabases: async () => ['a', 'b', 'c', 'd'],
  async databaseInfo(ref) {
    requireDatabase(ref)
    return { ref, epoch: '7', updateSeq: 5n, docCount: 2, deletedCount: 1, bytes: 10, revsLimit: 1000 }
  },
  createDatabase: async ({ name }) => (name === 'db' ? 'exists' : 'created'),
  dropDatabase: async (ref) => requireDatabase(ref),
  read: async (ref, id) => {
    requireDatabase(ref)
    if (id === 'gone') return { kind: 'deleted' }
    if (id !== 'a' && id !== '_design/d') return { kind: 'missing' }
    return { kind: 'found', document: { id, rev, deleted: false, text: `{"_id":"${id}","_rev":"${rev}","x":1}` } }
  },
  openRevisions: async () => [{ ok: { id: 'a', rev, deleted: false, text: '{"_id":"a"}' } }, { missing: '2-b' }],
  write: async (ref, { id, rev: parent }) => {
    requireDatabase(ref)
    return id === 'a' && parent === undefined ? { kind: 'conflict', id } : { kind: 'ok', id, rev }
  },
  remove: async (_ref, id, given): Promise<WriteOutcome> => {
    if (id === 'protected') return { kind: 'forbidden', id, reason: 'This design doc cannot be deleted' }
    if (id === 'gone') return { kind: 'deleted', id }
    if (id !== 'a' && id !== '_design/d') return { kind: 'missing', id }
    return given === undefined ? { kind: 'conflict', id } : { kind: 'ok', id, rev: `2-${'b'.repeat(32)}` }
  },
  bulk: async (_ref, docs) =>
    docs.map(({ id = 'new' }) => (id === 'a' ? { kind: 'conflict', id } : { kind: 'ok', id, rev })),
  replicate: async () => [],
  copy: async (_ref, from, to) => (from.id === 'a' ? { kind: 'ok', id: to.id, rev } : { kind: 'missing', id: from.id }),
  allDocs: async (_ref, query) => ({
    totalRows: 3,
    offset: query.keys === undefined ? 1 : null,
    updateSeq: '5-x',
    rows: pages([{ kind: 'found', id: 'a', rev }], [{ kind: 'not_found', key: 5 }]),
  }),
  find: async () => ({
    docs: ['{"_id":"a"}'],
    bookmark: undefined,
    bookmarkAbsent: false,
    warnings: ['one', 'two'],
    stats: { results_returned: 1 },
  }),
  explain: async () => ({ dbname: 'db' }),
  createIndex: async () => ({ result: 'created', id: '_design/d', name: 'n' }),
  listIndexes: async () => [
    { ddoc: null, name: '_all_docs' },
    { ddoc: '_design/d', name: 'n' },
  ],
  deleteIndex: async (_ref, ddoc, name) => ddoc === '_design/d' && name === 'n',
  compact: async (ref) => requireDatabase(ref),
}

async function* pages<Row>(...all: Row[][]) {
  yield* all
}

const face = couchdbRoutes({
  documents: engine as Documents,
  instances: {
    byHost: async (host) => (host === 'home.localhost' ? instance : undefined),
    peekHost: () => undefined,
    authorise: async (_instance, token) => {
      if (token === 'expired' || token === 'invalid')
        throw new Problem('unauthorized', token, { identity: { kind: 'token', token } })
      return grant(parseScope(decodeURIComponent(token)))
    },
  },
  store: { setRevsLimit: async (ref) => requireDatabase(ref), ping: async () => undefined },
  log: silentLog,
  uuid: 'f'.repeat(32),
  limits: { maxDocumentBytes: 1000, maxRequestBytes: 5000 },
})

const stage = async () => ({
  fetch: async (path: string, init?: RequestInit) => face.router.request(`http://home.localhost${path}`, init),
  token: async (scope: string) => encodeURIComponent(scope),
})

const table = (title: string, rows: readonly Scenario[]) => scenarios(title, stage, rows)
const json = { 'content-type': 'application/json' }
const noDatabase = { error: 'not_found', reason: 'Database does not exist.' }
const missing = { error: 'not_found', reason: 'missing' }

table('server', [
  {
    name: 'welcome needs no token',
    request: 'GET /couchdb/',
    as: 'nobody',
    status: 200,
    json: { couchdb: 'Welcome', version: '3.4.3', uuid: 'f'.repeat(32), vendor: { name: 'Hearth' } },
  },
  { name: 'without the slash', request: 'GET /couchdb', as: 'nobody', status: 200 },
  { name: 'up', request: 'GET /couchdb/_up', as: 'nobody', status: 200, json: { status: 'ok' } },
  { name: 'uuids', request: 'GET /couchdb/_uuids?count=0', as: 'nobody', status: 200, json: { uuids: [] } },
  { name: 'too many uuids', request: 'GET /couchdb/_uuids?count=1001', as: 'nobody', status: 400 },
  {
    name: 'uuids of no number',
    request: 'GET /couchdb/_uuids?count=x',
    as: 'nobody',
    status: 400,
    json: { error: 'query_parse_error' },
  },
  { name: 'all databases', request: 'GET /couchdb/_all_dbs', status: 200, json: ['a', 'b', 'c', 'd'] },
  {
    name: 'a part of the databases, backwards',
    request: 'GET /couchdb/_all_dbs?startkey="c"&descending=true&skip=1&limit=1',
    status: 200,
    json: ['b'],
  },
  {
    name: 'databases are listed for io.cozy.doctypes only',
    request: 'GET /couchdb/_all_dbs',
    as: 'db:ALL',
    status: 403,
    json: { error: 'forbidden' },
  },
  { name: 'and for it', request: 'GET /couchdb/_all_dbs', as: 'io.cozy.doctypes:GET', status: 200 },
  {
    name: 'status of named databases',
    request: 'POST /couchdb/_dbs_info',
    body: { keys: ['db', 'no'] },
    status: 200,
    json: [
      { key: 'db', info: { db_name: 'db', doc_count: 2, doc_del_count: 1, update_seq: '5-Nw' } },
      { key: 'no', error: 'not_found' },
    ],
  },
  { name: 'without keys', request: 'POST /couchdb/_dbs_info', body: {}, status: 400, json: { error: 'bad_request' } },
  {
    name: 'wrong method',
    request: 'PUT /couchdb/_up',
    as: 'nobody',
    status: 405,
    json: { error: 'method_not_allowed', reason: 'Only GET,HEAD allowed' },
    answers: { allow: 'GET,HEAD' },
  },
  {
    name: 'unserved names say what to use',
    request: 'GET /couchdb/_users/_all_docs',
    as: 'nobody',
    status: 501,
    json: { error: 'not_implemented' },
    contains: ['token'],
  },
])

table('tokens', [
  { name: 'missing', request: 'GET /couchdb/nowhere', as: 'nobody', status: 401, json: { error: 'unauthorized' } },
  { name: 'expired', request: 'GET /couchdb/db', as: 'expired', status: 401, json: { error: 'unauthorized' } },
  { name: 'invalid', request: 'GET /couchdb/db/a', as: 'invalid', status: 401, json: { error: 'unauthorized' } },
  { name: 'of too little', request: 'GET /couchdb/db', as: 'other', status: 403, json: { error: 'forbidden' } },
  { name: 'for one document: that one', request: 'GET /couchdb/db/a', as: 'db:GET:a', status: 200 },
  { name: 'for one document: another', request: 'GET /couchdb/db/a', as: 'db:GET:b', status: 403 },
  { name: 'for one document: no hint of others', request: 'GET /couchdb/db/zz', as: 'db:GET:b', status: 403 },
  { name: 'for one document: no list', request: 'GET /couchdb/db/_all_docs', as: 'db:GET:a', status: 403 },
  { name: 'for one document: not deleted', request: `DELETE /couchdb/db/a?rev=${rev}`, as: 'db:DELETE:b', status: 403 },
  { name: 'for one document: deleted', request: `DELETE /couchdb/db/a?rev=${rev}`, as: 'db:DELETE:a', status: 200 },
  { name: 'update needs PUT', request: 'PUT /couchdb/db/a', as: 'db:POST', body: { _rev: rev }, status: 403 },
  { name: 'creation needs POST', request: 'PUT /couchdb/db/n', as: 'db:PUT', body: {}, status: 403 },
  {
    name: 'a tombstone needs DELETE too',
    request: 'PUT /couchdb/db/a',
    as: 'db:PUT',
    body: { _rev: rev, _deleted: true },
    status: 403,
  },
  {
    name: 'in the cookie of a login',
    request: 'GET /couchdb/db/a',
    as: 'nobody',
    headers: { cookie: `AuthSession=${btoa('ada').replaceAll('=', '')}.*` },
    status: 200,
  },
  {
    name: 'in a cookie that another origin sent',
    request: 'GET /couchdb/db/a',
    as: 'nobody',
    headers: { cookie: 'AuthSession=YWRh.*', origin: 'https://evil.example', host: 'home.localhost' },
    status: 401,
  },
  {
    name: 'log in with JSON',
    request: 'POST /couchdb/_session',
    as: 'nobody',
    body: { name: 'ada', password: '*' },
    status: 200,
    json: { ok: true, name: 'ada', roles: [] },
    answers: {
      'set-cookie':
        /^AuthSession=YWRh\.\*; Version=1; Expires=[^;]+ GMT; Max-Age=86400; Path=\/couchdb; HttpOnly; SameSite=Strict$/,
    },
  },
  {
    name: 'log in with a form',
    request: 'POST /couchdb/_session',
    as: 'nobody',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=ada&password=*',
    status: 200,
    json: { name: 'ada' },
  },
  {
    name: 'log in badly',
    request: 'POST /couchdb/_session',
    as: 'nobody',
    body: { name: 'ada', password: 'invalid' },
    status: 401,
    json: { error: 'unauthorized', reason: 'Name or password is incorrect.' },
  },
  { name: 'log in without a name', request: 'POST /couchdb/_session', body: { password: 'x' }, status: 400 },
  {
    name: 'who nobody is',
    request: 'GET /couchdb/_session',
    as: 'nobody',
    status: 200,
    json: { ok: true, userCtx: { name: null, roles: [] } },
  },
  {
    name: 'who a cookie is',
    request: 'GET /couchdb/_session',
    as: 'nobody',
    headers: { cookie: 'AuthSession=YWRh.*' },
    status: 200,
    json: { userCtx: { name: 'ada' }, info: { authenticated: 'cookie' } },
  },
  {
    name: 'log out',
    request: 'DELETE /couchdb/_session',
    as: 'nobody',
    status: 200,
    answers: { 'set-cookie': /^AuthSession=; Max-Age=0; Path=\/couchdb/ },
  },
])

table('databases', [
  {
    name: 'status',
    request: 'GET /couchdb/db/',
    status: 200,
    json: { db_name: 'db', doc_count: 2, doc_del_count: 1, update_seq: '5-Nw', instance_start_time: '7' },
  },
  { name: 'HEAD', request: 'HEAD /couchdb/db', status: 200 },
  { name: 'missing', request: 'GET /couchdb/nope', status: 404, json: noDatabase },
  { name: 'of an impossible name', request: 'GET /couchdb/Nope', status: 404, json: noDatabase },
  {
    name: 'created',
    request: 'PUT /couchdb/a%2Fb',
    status: 201,
    json: { ok: true },
    answers: { location: '/couchdb/a%2Fb' },
  },
  { name: 'created twice', request: 'PUT /couchdb/db', status: 412, json: { error: 'file_exists' } },
  {
    name: 'created under a bad name',
    request: 'PUT /couchdb/UPPER',
    status: 400,
    json: { error: 'illegal_database_name' },
    contains: ["Name: 'UPPER'."],
  },
  { name: 'deleted', request: 'DELETE /couchdb/db', status: 200, json: { ok: true } },
  {
    name: 'deleted with a revision',
    request: 'DELETE /couchdb/db?rev=1-a',
    status: 400,
    json: { error: 'bad_request' },
  },
  { name: 'reserved: unreadable', request: 'GET /couchdb/io.cozy.sessions', status: 403, contains: ['unreadable'] },
  { name: 'reserved: unwritable', request: 'PUT /couchdb/io.cozy.files', status: 403, contains: ['unwritable'] },
  { name: 'revs limit', request: 'GET /couchdb/db/_revs_limit', status: 200, contains: ['1000'] },
  { name: 'new revs limit', request: 'PUT /couchdb/db/_revs_limit', body: '5', status: 200, json: { ok: true } },
  { name: 'bad revs limit', request: 'PUT /couchdb/db/_revs_limit', body: '"x"', status: 400 },
  { name: 'security', request: 'GET /couchdb/db/_security', status: 200, json: { admins: { roles: ['_admin'] } } },
  { name: 'security is read-only', request: 'PUT /couchdb/db/_security', body: {}, status: 501, contains: ['scope'] },
  { name: 'compaction', request: 'POST /couchdb/db/_compact', body: {}, status: 202, json: { ok: true } },
  {
    name: 'compaction wants JSON',
    request: 'POST /couchdb/db/_compact',
    status: 415,
    json: { error: 'bad_content_type', reason: 'Content-Type must be application/json' },
  },
  { name: 'full commit', request: 'POST /couchdb/db/_ensure_full_commit', body: {}, status: 201, json: { ok: true } },
  {
    name: 'wrong method',
    request: 'PATCH /couchdb/db',
    status: 405,
    json: { reason: 'Only GET,HEAD,PUT,DELETE,POST allowed' },
  },
])

table('documents', [
  { name: 'read', request: 'GET /couchdb/db/a', status: 200, json: { _id: 'a', x: 1 }, answers: { etag: `"${rev}"` } },
  { name: 'HEAD', request: 'HEAD /couchdb/db/a', status: 200, answers: { etag: `"${rev}"` } },
  { name: 'unchanged', request: 'GET /couchdb/db/a', headers: { 'if-none-match': `"${rev}"` }, status: 304 },
  { name: 'with conflicts: no tag', request: 'GET /couchdb/db/a?conflicts=true', status: 200, answers: { etag: null } },
  { name: 'missing', request: 'GET /couchdb/db/b', status: 404, json: missing },
  { name: 'deleted', request: 'GET /couchdb/db/gone', status: 404, json: { error: 'not_found', reason: 'deleted' } },
  { name: 'in no database', request: 'GET /couchdb/no/b', status: 404, json: noDatabase },
  { name: 'of a bad revision', request: 'GET /couchdb/db/a?rev=bad', status: 400, json: { error: 'bad_request' } },
  {
    name: 'open revisions',
    request: 'GET /couchdb/db/a?open_revs=all',
    status: 200,
    json: [{ ok: { _id: 'a' } }, { missing: '2-b' }],
  },
  { name: 'special ids', request: 'GET /couchdb/db/_nope', status: 404, json: missing },
  {
    name: 'put',
    request: 'PUT /couchdb/db/n%2Fm',
    body: { x: 1 },
    status: 201,
    json: { ok: true, id: 'n/m', rev },
    answers: { etag: `"${rev}"`, location: '/couchdb/db/n%2Fm' },
  },
  { name: 'put needs no Content-Type', request: 'PUT /couchdb/db/n', body: '{}', status: 201 },
  {
    name: 'put again',
    request: 'PUT /couchdb/db/a',
    body: {},
    status: 409,
    json: { error: 'conflict', reason: 'Document update conflict.' },
  },
  { name: 'put by If-Match', request: 'PUT /couchdb/db/a', headers: { 'if-match': `"${rev}"` }, body: {}, status: 201 },
  {
    name: 'put by an empty If-Match',
    request: 'PUT /couchdb/db/a',
    headers: { 'if-match': '' },
    body: {},
    status: 409,
  },
  { name: 'put by ?rev', request: `PUT /couchdb/db/a?rev=${rev}`, body: {}, status: 201 },
  {
    name: 'put with two revisions',
    request: 'PUT /couchdb/db/a?rev=2-x',
    body: { _rev: rev },
    status: 400,
    json: { error: 'bad_request', reason: 'Document rev from request body and query string have different values' },
  },
  { name: 'put a tombstone', request: 'PUT /couchdb/db/a', body: { _rev: rev, _deleted: true }, status: 200 },
  {
    name: 'put as given',
    request: 'PUT /couchdb/db/a?new_edits=false',
    body: { _rev: '3-c' },
    status: 201,
    json: { rev: '3-c' },
  },
  {
    name: 'put under an underscore',
    request: 'PUT /couchdb/db/_x',
    body: {},
    status: 400,
    json: { error: 'illegal_docid' },
  },
  { name: 'put no object', request: 'PUT /couchdb/db/x', body: '[]', status: 400, json: { error: 'bad_request' } },
  { name: 'put _foo', request: 'PUT /couchdb/db/x', body: { _foo: 1 }, status: 400, json: { error: 'doc_validation' } },
  {
    name: 'put _type',
    request: 'PUT /couchdb/db/x',
    body: { _type: 'db' },
    status: 400,
    json: { error: 'doc_validation' },
  },
  {
    name: 'put too much',
    request: 'PUT /couchdb/db/x',
    body: { x: 'y'.repeat(1001) },
    status: 413,
    json: { error: 'document_too_large', reason: 'x' },
  },
  {
    name: 'put far too much',
    request: 'PUT /couchdb/db/x',
    body: { x: 'y'.repeat(5001) },
    status: 413,
    json: { error: 'too_large' },
  },
  { name: 'post', request: 'POST /couchdb/db', body: { _id: 'p' }, status: 201, json: { ok: true, id: 'p', rev } },
  { name: 'post to no database', request: 'POST /couchdb/no', body: {}, status: 404, json: noDatabase },
  {
    name: 'post as a form',
    request: 'POST /couchdb/db',
    body: '{}',
    headers: { 'content-type': 'text/plain' },
    status: 415,
  },
  {
    name: 'post no JSON',
    request: 'POST /couchdb/db',
    body: '{',
    headers: json,
    status: 400,
    json: { error: 'bad_request' },
  },
  { name: 'delete', request: `DELETE /couchdb/db/a?rev=${rev}`, status: 200, json: { ok: true, id: 'a' } },
  { name: 'delete by If-Match', request: 'DELETE /couchdb/db/a', headers: { 'if-match': rev }, status: 200 },
  { name: 'delete without revision', request: 'DELETE /couchdb/db/a', status: 409, json: { error: 'conflict' } },
  {
    name: 'delete a bad revision',
    request: 'DELETE /couchdb/db/a?rev=bad',
    status: 400,
    json: { error: 'bad_request' },
  },
  { name: 'delete a bad revision of nothing', request: 'DELETE /couchdb/db/b?rev=bad', status: 404, json: missing },
  {
    name: 'delete what is deleted',
    request: `DELETE /couchdb/db/gone?rev=${rev}`,
    status: 404,
    json: { reason: 'deleted' },
  },
  {
    name: 'delete what is protected',
    request: `DELETE /couchdb/db/protected?rev=${rev}`,
    status: 403,
    json: { error: 'forbidden' },
  },
  {
    name: 'copy',
    request: 'COPY /couchdb/db/a',
    headers: { destination: 'b%2Fc' },
    status: 201,
    json: { ok: true, id: 'b/c' },
  },
  { name: 'copy to nowhere', request: 'COPY /couchdb/db/a', status: 400, json: { error: 'bad_request' } },
  { name: 'copy nothing', request: 'COPY /couchdb/db/b', headers: { destination: 'c' }, status: 404, json: missing },
  {
    name: 'copy to a bad id',
    request: 'COPY /couchdb/db/a',
    headers: { destination: '_c' },
    status: 400,
    json: { error: 'illegal_docid' },
  },
  { name: 'wrong method', request: 'PATCH /couchdb/db/a', status: 405, json: { error: 'method_not_allowed' } },
  { name: 'a design document', request: 'GET /couchdb/db/_design/d', status: 200, json: { _id: '_design/d' } },
  {
    name: 'the same with an encoded slash',
    request: 'GET /couchdb/db/_design%2Fd',
    status: 200,
    json: { _id: '_design/d' },
  },
  {
    name: 'put a design document',
    request: 'PUT /couchdb/db/_design/n',
    body: {},
    status: 201,
    json: { id: '_design/n' },
  },
  { name: 'delete a design document', request: `DELETE /couchdb/db/_design/d?rev=${rev}`, as: 'db:GET', status: 200 },
  { name: 'views', request: 'GET /couchdb/db/_design/d/_view/v', status: 501, contains: ['_index'] },
  { name: 'unknown paths', request: 'GET /couchdb/db/a/_b/c', status: 404, json: missing },
  { name: 'unknown names', request: 'GET /couchdb/db/_b/c', status: 404, json: missing },
])

table('many documents', [
  {
    name: 'rows in the order given',
    request: 'POST /couchdb/db/_bulk_docs',
    body: { docs: [{ _id: 'a' }, { _id: 'b' }] },
    status: 201,
    json: [
      { id: 'a', error: 'conflict', reason: 'Document update conflict.' },
      { ok: true, id: 'b', rev },
    ],
  },
  {
    name: 'as given',
    request: 'POST /couchdb/db/_bulk_docs',
    body: { docs: [{ _id: 'a', _rev: '1-b' }], new_edits: false },
    status: 201,
    json: [],
  },
  { name: 'without docs', request: 'POST /couchdb/db/_bulk_docs', body: {}, status: 400, contains: ['`docs`'] },
  {
    name: 'one is no object',
    request: 'POST /couchdb/db/_bulk_docs',
    body: { docs: [{}, 5] },
    status: 400,
    json: { error: 'bad_request' },
  },
  {
    name: 'nothing into nowhere',
    request: 'POST /couchdb/no/_bulk_docs',
    body: { docs: [] },
    status: 404,
    json: noDatabase,
  },
  { name: 'not as JSON', request: 'POST /couchdb/db/_bulk_docs', body: '{"docs":[]}', status: 415 },
  {
    name: 'all',
    request: 'GET /couchdb/db/_all_docs?update_seq=true',
    status: 200,
    json: {
      total_rows: 3,
      offset: 1,
      update_seq: '5-x',
      rows: [
        { id: 'a', key: 'a', value: { rev } },
        { key: 5, error: 'not_found' },
      ],
    },
  },
  {
    name: 'by keys',
    request: 'POST /couchdb/db/_all_docs?update_seq=true',
    body: { keys: ['a', 5] },
    status: 200,
    json: { offset: null, update_seq: null },
  },
  {
    name: 'keys that are none',
    request: 'GET /couchdb/db/_all_docs?keys=5',
    status: 400,
    json: { error: 'bad_request' },
  },
  {
    name: 'a bad limit',
    request: 'GET /couchdb/db/_all_docs?limit=x',
    status: 400,
    json: { error: 'query_parse_error' },
  },
  {
    name: 'several lists',
    request: 'POST /couchdb/db/_all_docs/queries',
    body: { queries: [{ limit: 1 }, { keys: ['a'] }] },
    status: 200,
    json: { results: [{ total_rows: 3, offset: 1, rows: [{ id: 'a' }, { key: 5 }] }, { offset: null }] },
  },
  { name: 'several lists, none given', request: 'POST /couchdb/db/_all_docs/queries', body: {}, status: 400 },
  { name: 'design documents', request: 'GET /couchdb/db/_design_docs', status: 200, json: { total_rows: 3 } },
  {
    name: 'find',
    request: 'POST /couchdb/db/_find',
    body: { selector: {} },
    status: 200,
    json: { docs: [{ _id: 'a' }], bookmark: 'nil', warning: 'one\ntwo' },
    lacks: ['execution_stats'],
  },
  {
    name: 'find with statistics',
    request: 'POST /couchdb/db/_find',
    body: { selector: {}, execution_stats: true },
    status: 200,
    json: { execution_stats: { results_returned: 1 } },
  },
  { name: 'find not as JSON', request: 'POST /couchdb/db/_find', body: '{}', status: 415 },
  { name: 'find by GET', request: 'GET /couchdb/db/_find', status: 405, json: { reason: 'Only POST allowed' } },
  {
    name: 'explain',
    request: 'POST /couchdb/db/_explain',
    body: { selector: {} },
    status: 200,
    json: { dbname: 'db' },
  },
  {
    name: 'index',
    request: 'POST /couchdb/db/_index',
    body: {},
    as: 'db:GET',
    status: 200,
    json: { result: 'created', id: '_design/d', name: 'n' },
  },
  {
    name: 'indexes',
    request: 'GET /couchdb/db/_index?skip=1',
    status: 200,
    json: { total_rows: 2, indexes: [{ name: 'n' }] },
  },
  { name: 'delete an index', request: 'DELETE /couchdb/db/_index/d/json/n', status: 200, json: { ok: true } },
  { name: 'by the whole id', request: 'DELETE /couchdb/db/_index/_design%2Fd/json/n', status: 200, json: { ok: true } },
  { name: 'no index', request: 'DELETE /couchdb/db/_index/d/json/m', status: 404, json: missing },
  { name: 'no such kind', request: 'DELETE /couchdb/db/_index/d/text/n', status: 404, json: missing },
  {
    name: 'delete many indexes',
    request: 'POST /couchdb/db/_index/_bulk_delete',
    body: { docids: ['d', '_design/e'] },
    status: 200,
    json: { success: [{ id: '_design/d', ok: true }], fail: [{ id: '_design/e', error: 'not_found' }] },
  },
])

scenarios(
  'an unknown host',
  async () => ({ ...(await stage()), fetch: async (path, init) => face.router.request(`http://other${path}`, init) }),
  [{ name: 'is 404', request: 'GET /couchdb/db', status: 404, json: { error: 'not_found' }, contains: ['other'] }],
)
