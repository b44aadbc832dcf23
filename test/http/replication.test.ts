/** What replicators ask, on both faces: one table, since the answers are the same. */
import { type Scenario, scenarios } from './scenarios.ts'
import { openStage } from './stage.ts'

const name = 'test.replication'
const hash = (digit: string) => digit.repeat(32)
const noDatabase = { error: 'not_found', reason: 'Database does not exist.' }
const missing = { error: 'not_found', reason: 'missing' }

/** A document with two leaves over a root without body, and one with a long history of names. */
const history = {
  new_edits: false,
  docs: [
    { _id: 'fork', _rev: '2-b', _revisions: { start: 2, ids: ['b', 'r'] }, leaf: 'b' },
    { _id: 'fork', _rev: '3-d', _revisions: { start: 3, ids: ['d', 'c', 'r'] }, leaf: 'd' },
    { _id: 'fork', _rev: '2-x', _revisions: { start: 2, ids: ['x', 'r'] }, _deleted: true, leaf: 'x' },
    { _id: 'héx/+', _rev: `4-${hash('A')}`, _revisions: { start: 4, ids: [hash('A'), hash('b')] }, big: 1 },
  ],
}

const rows = (T: string): readonly Scenario[] => [
  { name: 'a database', request: `PUT ${T}`, status: 201 },
  { name: 'with a history', request: `POST ${T}/_bulk_docs`, body: history, status: 201, json: [] },

  {
    name: '_revs_diff: nothing missing, nothing said',
    request: `POST ${T}/_revs_diff`,
    body: { fork: ['2-b', '3-d', '2-x'], 'héx/+': [`4-${hash('a')}`], none: [] },
    status: 200,
    json: {},
    lacks: ['fork', 'none'],
  },
  {
    name: '_revs_diff: ancestors that were only named are known',
    request: `POST ${T}/_revs_diff`,
    body: { fork: ['1-r', '2-c'], 'héx/+': [`3-${hash('B')}`] },
    status: 200,
    contains: ['{}'],
  },
  {
    name: '_revs_diff: what is missing, and the leaves it may descend from',
    request: `POST ${T}/_revs_diff`,
    body: { fork: ['9-q', '2-b', '1-q'], nope: ['1-a', '2-b'], __proto__x: ['1-a'] },
    status: 200,
    json: {
      fork: { missing: ['9-q', '1-q'], possible_ancestors: ['3-d', '2-b', '2-x'] },
      nope: { missing: ['1-a', '2-b'] },
      __proto__x: { missing: ['1-a'] },
    },
  },
  {
    name: '_revs_diff: only older leaves are possible ancestors',
    request: `POST ${T}/_revs_diff`,
    body: { fork: ['3-q'] },
    status: 200,
    json: { fork: { missing: ['3-q'], possible_ancestors: ['2-b', '2-x'] } },
  },
  {
    name: '_revs_diff: not even as a name',
    request: `POST ${T}/_revs_diff`,
    body: { fork: ['1-q'] },
    status: 200,
    json: { fork: { missing: ['1-q'] } },
    lacks: ['possible_ancestors'],
  },
  {
    name: '_revs_diff: a member named __proto__ is a document as any other',
    request: `POST ${T}/_revs_diff`,
    body: '{"__proto__":["1-a"]}',
    headers: { 'content-type': 'application/json' },
    status: 200,
    contains: ['{"__proto__":{"missing":["1-a"]}}'],
  },
  {
    name: '_missing_revs',
    request: `POST ${T}/_missing_revs`,
    body: { fork: ['2-b', '9-q'], nope: ['1-a'] },
    status: 200,
    json: { missing_revs: { fork: ['9-q'], nope: ['1-a'] } },
    lacks: ['possible_ancestors'],
  },
  ...['_revs_diff', '_missing_revs'].flatMap((route): Scenario[] => [
    ...[{ a: ['bad'] }, { a: [5] }, { a: '1-a' }, { a: ['1-\u0000'] }, [], 5, null].map(
      (body): Scenario => ({
        name: `${route} of ${JSON.stringify(body)}`,
        request: `POST ${T}/${route}`,
        body,
        status: 400,
        json: { error: 'bad_request' },
      }),
    ),
    {
      name: `${route} of no JSON`,
      request: `POST ${T}/${route}`,
      body: '{',
      headers: { 'content-type': 'application/json' },
      status: 400,
      json: { error: 'bad_request' },
    },
    {
      name: `${route} of an id that nothing can have`,
      request: `POST ${T}/${route}`,
      body: { 'a\u0000b': ['1-a'] },
      status: 200,
      contains: ['\\u0000'],
    },
    {
      name: `${route} of an unknown database`,
      request: `POST ${T}.none/${route}`,
      body: {},
      status: 404,
      json: noDatabase,
    },
    { name: `${route} by nobody`, request: `POST ${T}/${route}`, body: {}, as: 'nobody', status: 401 },
    { name: `${route} without GET`, request: `POST ${T}/${route}`, body: {}, as: `${name}:POST`, status: 403 },
    { name: `${route} with GET on one`, request: `POST ${T}/${route}`, body: {}, as: `${name}:GET:a`, status: 403 },
    { name: `${route} with GET`, request: `POST ${T}/${route}`, body: {}, as: `${name}:GET`, status: 200 },
    {
      name: `${route} of a reserved database`,
      request: `POST ${T.replace(name, 'io.cozy.sessions')}/${route}`,
      body: {},
      status: 403,
      contains: ['reserved doctype io.cozy.sessions unreadable'],
    },
  ]),

  {
    name: '_bulk_get: in the order asked, repeated where it is',
    request: `POST ${T}/_bulk_get`,
    body: { docs: [{ id: 'héx/+' }, { id: 'fork', rev: '2-b' }, { id: 'fork', rev: '2-b', atts_since: ['1-r'] }] },
    status: 200,
    json: {
      results: [
        { id: 'héx/+', docs: [{ ok: { _id: 'héx/+', _rev: `4-${hash('a')}`, big: 1 } }] },
        { id: 'fork', docs: [{ ok: { _id: 'fork', _rev: '2-b', leaf: 'b' } }] },
        { id: 'fork', docs: [{ ok: { _id: 'fork', _rev: '2-b', leaf: 'b' } }] },
      ],
    },
    lacks: ['_revisions', '_type'],
  },
  {
    name: '_bulk_get: all leaves, the winner first, tombstones too',
    request: `POST ${T}/_bulk_get?revs=true`,
    body: { docs: [{ id: 'fork' }] },
    status: 200,
    json: {
      results: [
        {
          id: 'fork',
          docs: [
            { ok: { _rev: '3-d', leaf: 'd', _revisions: { start: 3, ids: ['d', 'c', 'r'] } } },
            { ok: { _rev: '2-b', leaf: 'b', _revisions: { start: 2, ids: ['b', 'r'] } } },
            { ok: { _rev: '2-x', leaf: 'x', _deleted: true, _revisions: { start: 2, ids: ['x', 'r'] } } },
          ],
        },
      ],
    },
  },
  {
    name: '_bulk_get: latest gives the leaves under a revision',
    request: `POST ${T}/_bulk_get?latest=true&attachments=true`,
    body: {
      docs: [
        { id: 'fork', rev: '2-c' },
        { id: 'fork', rev: '1-r' },
        { id: 'fork', rev: '7-q' },
      ],
    },
    status: 200,
    json: {
      results: [
        { id: 'fork', docs: [{ ok: { _rev: '3-d' } }] },
        { id: 'fork', docs: [{ ok: { _rev: '3-d' } }, { ok: { _rev: '2-b' } }, { ok: { _rev: '2-x' } }] },
        { id: 'fork', docs: [{ error: { id: 'fork', rev: '7-q', ...missing } }] },
      ],
    },
  },
  {
    name: '_bulk_get: without latest a revision without body is missing',
    request: `POST ${T}/_bulk_get`,
    body: { docs: [{ id: 'fork', rev: '2-c' }] },
    status: 200,
    json: { results: [{ id: 'fork', docs: [{ error: { id: 'fork', rev: '2-c', ...missing } }] }] },
  },
  {
    name: '_bulk_get: what is wrong with one line stays in its place',
    request: `POST ${T}/_bulk_get`,
    body: {
      docs: [
        { id: 'nope' },
        { id: 'nope', rev: '1-a' },
        { id: 'fork', rev: 'bad' },
        { rev: '1-a' },
        { id: 5 },
        { id: '_x' },
      ],
    },
    status: 200,
    json: {
      results: [
        { id: 'nope', docs: [{ error: { id: 'nope', rev: 'undefined', ...missing } }] },
        { id: 'nope', docs: [{ error: { id: 'nope', rev: '1-a', ...missing } }] },
        {
          id: 'fork',
          docs: [{ error: { id: 'fork', rev: 'bad', error: 'bad_request', reason: 'Invalid rev format' } }],
        },
        { id: null, docs: [{ error: { id: null, error: 'bad_request' } }] },
        { id: null, docs: [{ error: { id: null, error: 'illegal_docid' } }] },
        { id: '_x', docs: [{ error: { id: '_x', error: 'illegal_docid' } }] },
      ],
    },
  },
  {
    name: '_bulk_get of nothing',
    request: `POST ${T}/_bulk_get`,
    body: { docs: [] },
    status: 200,
    json: { results: [] },
  },
  {
    name: '_bulk_get without docs',
    request: `POST ${T}/_bulk_get`,
    body: {},
    status: 400,
    json: { error: 'bad_request', reason: "Missing JSON list of 'docs'." },
  },
  ...[{ docs: {} }, { docs: [5] }, [], 5].map(
    (body): Scenario => ({
      name: `_bulk_get of ${JSON.stringify(body)}`,
      request: `POST ${T}/_bulk_get`,
      body,
      status: 400,
      json: { error: 'bad_request' },
    }),
  ),
  ...['rev=1-a', 'open_revs=all', 'new_edits=false', 'w=2', 'atts_since=[]'].map(
    (query): Scenario => ({
      name: `_bulk_get?${query}`,
      request: `POST ${T}/_bulk_get?${query}`,
      body: { docs: [] },
      status: 400,
      json: { error: 'bad_request' },
    }),
  ),
  {
    name: '_bulk_get of an unknown database',
    request: `POST ${T}.none/_bulk_get`,
    body: { docs: [] },
    status: 404,
    json: noDatabase,
  },
  { name: '_bulk_get by nobody', request: `POST ${T}/_bulk_get`, body: { docs: [] }, as: 'nobody', status: 401 },
  {
    name: '_bulk_get with GET on one document',
    request: `POST ${T}/_bulk_get`,
    body: { docs: [] },
    as: `${name}:GET:a`,
    status: 403,
  },

  { name: 'no local document', request: `GET ${T}/_local/c`, status: 404, json: missing },
  {
    name: 'made by PUT, with the rights to read',
    request: `PUT ${T}/_local/c.=_x`,
    body: { _id: '_local/c.=_x', session_id: 's', history: [{ last_seq: 3 }], big: 1 },
    as: `${name}:GET`,
    status: 201,
    json: { ok: true, id: '_local/c.=_x', rev: '0-1' },
  },
  {
    name: 'read, its slash and its name encoded',
    request: `GET ${T}/_local%2Fc%2E%3D_x`,
    as: `${name}:GET`,
    status: 200,
    json: { _id: '_local/c.=_x', _rev: '0-1', session_id: 's', history: [{ last_seq: 3 }], big: 1 },
    lacks: ['_type'],
    answers: { etag: null },
  },
  { name: 'HEAD', request: `HEAD ${T}/_local/c.=_x`, status: 200 },
  {
    name: 'updated',
    request: `PUT ${T}/_local/c.=_x`,
    body: { _id: '_local/c.=_x', _rev: '0-1', n: 2 },
    status: 201,
    json: { rev: '0-2' },
  },
  {
    name: 'with a revision that is not the current one, which counts all the same',
    request: `PUT ${T}/_local/c.=_x`,
    body: { _rev: '0-1', n: 3 },
    status: 201,
    json: { rev: '0-2' },
  },
  {
    name: 'with its revision in the query',
    request: `PUT ${T}/_local/c.=_x?rev=0-2`,
    body: { n: 3 },
    status: 201,
    json: { rev: '0-3' },
  },
  {
    name: 'with its revision in If-Match',
    request: `PUT ${T}/_local/c.=_x`,
    headers: { 'if-match': '"0-3"' },
    body: { n: 4 },
    status: 201,
    json: { rev: '0-4' },
  },
  {
    name: 'with two revisions',
    request: `PUT ${T}/_local/c.=_x?rev=0-3`,
    body: { _rev: '0-4', n: 5 },
    status: 400,
    json: { error: 'bad_request', reason: /0-3/ },
  },
  {
    name: 'without a revision: from 1 again',
    request: `PUT ${T}/_local/c.=_x`,
    body: { n: 6, _revisions: { start: 3, ids: 'anything' } },
    status: 201,
    json: { rev: '0-1' },
  },
  {
    name: 'as it is now',
    request: `GET ${T}/_local/c.=_x`,
    status: 200,
    json: { _rev: '0-1', n: 6 },
    lacks: ['_revisions', 'session_id'],
  },
  ...['1-abc', '0-x', 'bad', '', 5, '0--1', '0-99999999999999999999'].map(
    (rev): Scenario => ({
      name: `a revision of ${JSON.stringify(rev)}`,
      request: `PUT ${T}/_local/c.=_x`,
      body: { _rev: rev },
      status: 400,
      json: { error: 'bad_request', reason: 'Invalid rev format' },
    }),
  ),
  ...[[], 5, null, { _foo: 1 }, { _deleted: 1 }, { _attachments: { a: {} } }].map(
    (body): Scenario => ({
      name: `a body of ${JSON.stringify(body)}`,
      request: `PUT ${T}/_local/c.=_x`,
      body,
      status: 400,
    }),
  ),
  {
    name: 'numbers and names stay as they are',
    request: `PUT ${T}/_local/exact`,
    body: '{"n":12345678901234567890,"z":1.0,"a":"\\u0000","":1}',
    status: 201,
  },
  {
    name: 'to the last digit',
    request: `GET ${T}/_local/exact`,
    status: 200,
    contains: ['"n":12345678901234567890,"z":1.0,"a":"\\u0000","":1'],
  },
  { name: 'no name', request: `PUT ${T}/_local/%00`, body: {}, status: 400, json: { error: 'illegal_docid' } },
  {
    name: 'too long a name',
    request: `PUT ${T}/_local/${'x'.repeat(1_100)}`,
    body: {},
    status: 400,
    json: { error: 'illegal_docid' },
  },
  {
    name: 'any other name',
    request: `PUT ${T}/_local/%2E%2E%2F_x`,
    body: {},
    status: 201,
    json: { id: '_local/../_x' },
  },
  {
    name: 'too large',
    request: `PUT ${T}/_local/big`,
    body: { x: 'x'.repeat(8_000_001) },
    status: 413,
    json: { error: 'document_too_large', reason: '_local/big' },
  },
  {
    name: 'neither counted nor numbered',
    request: `GET ${T}`,
    status: 200,
    json: { doc_count: 2, doc_del_count: 0, update_seq: /^2-/ },
  },
  { name: 'nor listed', request: `GET ${T}/_all_docs`, status: 200, json: { total_rows: 2 }, lacks: ['_local'] },
  { name: 'DELETE with no revision of a local', request: `DELETE ${T}/_local/c.=_x?rev=1-a`, status: 400 },
  {
    name: 'DELETE with another revision',
    request: `DELETE ${T}/_local/c.=_x?rev=0-7`,
    as: `${name}:GET`,
    status: 200,
    json: { ok: true, id: '_local/c.=_x', rev: '0-0' },
  },
  { name: 'DELETE again', request: `DELETE ${T}/_local/c.=_x?rev=0-1`, status: 404, json: missing },
  { name: 'gone', request: `GET ${T}/_local/c.=_x`, status: 404, json: missing },
  { name: 'DELETE without revision', request: `DELETE ${T}/_local/exact`, status: 200, json: { rev: '0-0' } },
  { name: 'made once more', request: `PUT ${T}/_local/d`, body: {}, status: 201, json: { rev: '0-1' } },
  { name: 'deleted by PUT', request: `PUT ${T}/_local/d`, body: { _deleted: true }, status: 200, json: { rev: '0-0' } },
  { name: 'gone too', request: `GET ${T}/_local/d`, status: 404, json: missing },
  ...['GET', 'PUT', 'DELETE'].flatMap((method): Scenario[] => {
    const body = method === 'PUT' ? { body: {} } : {}
    return [
      {
        name: `${method} of no database`,
        request: `${method} ${T}.none/_local/a`,
        ...body,
        status: 404,
        json: noDatabase,
      },
      { name: `${method} by nobody`, request: `${method} ${T}/_local/a`, ...body, as: 'nobody', status: 401 },
      {
        name: `${method} without GET`,
        request: `${method} ${T}/_local/a`,
        ...body,
        as: `${name}:PUT,POST`,
        status: 403,
      },
      {
        name: `${method} with GET on one`,
        request: `${method} ${T}/_local/a`,
        ...body,
        as: `${name}:GET:a`,
        status: 403,
      },
    ]
  }),
  { name: 'a checkpoint', request: `PUT ${T}/_local/checkpoint`, body: {}, status: 201 },
  { name: 'the database goes', request: `DELETE ${T}`, status: 200 },
  { name: 'and comes back', request: `PUT ${T}`, status: 201 },
  { name: 'without its checkpoint', request: `GET ${T}/_local/checkpoint`, status: 404, json: missing },
  {
    name: '_ensure_full_commit',
    request: `POST ${T}/_ensure_full_commit`,
    body: {},
    as: `${name}:GET`,
    status: 201,
    json: { ok: true, instance_start_time: /./ },
    save: { start: 'instance_start_time' },
  },
  { name: 'says the same as the status', request: `GET ${T}`, status: 200, json: { instance_start_time: '{{start}}' } },
  {
    name: '_ensure_full_commit of nothing',
    request: `POST ${T}.none/_ensure_full_commit`,
    body: {},
    status: 404,
    json: noDatabase,
  },
  {
    name: 'a revision, and later the one that it was made from, with an attachment',
    request: `POST ${T}/_bulk_docs`,
    body: {
      new_edits: false,
      docs: [
        { _id: 'late', _rev: '3-c', _revisions: { start: 3, ids: ['c', 'b', 'a'] } },
        {
          ...{ _id: 'late', _rev: '2-b', _revisions: { start: 2, ids: ['b', 'a'] }, _deleted: true, why: 'late' },
          _attachments: { x: { content_type: 'text/plain', data: 'aGk=' } },
        },
      ],
    },
    status: 201,
    json: [],
  },
  {
    name: 'the later one is known as if it had come first',
    request: `GET ${T}/late?revs_info=true`,
    status: 200,
    json: {
      _revs_info: [
        { rev: '3-c', status: 'available' },
        { rev: '2-b', status: 'deleted' },
        { rev: '1-a', status: 'missing' },
      ],
    },
  },
  {
    name: 'and its body and attachment are there',
    request: `GET ${T}/late?rev=2-b`,
    status: 200,
    json: { _rev: '2-b', _deleted: true, why: 'late', _attachments: { x: { stub: true, length: 2 } } },
  },
  {
    name: 'a stub of a revision that is still known by name only',
    request: `POST ${T}/_bulk_docs`,
    body: {
      new_edits: false,
      docs: [
        {
          ...{ _id: 'late', _rev: '1-a', _revisions: { start: 1, ids: ['a'] }, why: 'first' },
          _attachments: { x: { stub: true, revpos: 1, digest: 'md5-SfaKXIST7CwL9ImCHCH8Ow==' } },
        },
      ],
    },
    status: 201,
    json: [],
  },
  {
    name: 'is found',
    request: `GET ${T}/late?rev=1-a`,
    status: 200,
    json: { why: 'first', _attachments: { x: { stub: true, length: 2 } } },
  },
  { name: 'the end', request: `DELETE ${T}`, status: 200 },
]

for (const face of ['/data', '/couchdb']) scenarios(`replication on ${face}`, openStage, rows(`${face}/${name}`))

const F = 'io.cozy.files'
scenarios('what may only be read, on /data', openStage, [
  {
    name: '_ensure_full_commit is refused',
    request: `POST /data/${F}/_ensure_full_commit`,
    body: {},
    status: 403,
    json: { error: `code=403, message=reserved doctype ${F} unwritable` },
  },
  {
    name: '_local is not',
    request: `PUT /data/${F}/_local/a`,
    body: {},
    as: `${F}:GET`,
    status: 201,
    json: { rev: '0-1' },
  },
  { name: 'content types do not matter', request: 'POST /data/test.none/_revs_diff', body: '{}', status: 404 },
])
