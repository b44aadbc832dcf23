/** What CouchDB takes although its documentation does not say so, on both faces. */
import { type Scenario, scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const replicator = {
  _replication_state: 'completed',
  _replication_state_time: '2026-01-01T00:00:00Z',
  _replication_state_reason: 'none',
  _replication_id: 'x',
  _replication_stats: { docs_read: 1 },
  _access: ['a'],
}
const noAttachments = { error: 'bad_request', reason: '_local documents do not accept attachments.' }
const badRevision = { error: 'bad_request', reason: 'Invalid rev format' }

const onBoth = (T: string): readonly Scenario[] => [
  { name: 'a database', request: `PUT ${T}`, status: 201 },

  {
    name: 'members of the replicator are stored',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'rep', ...replicator, n: 1 }] },
    status: 201,
    json: [{ ok: true, id: 'rep' }],
  },
  { name: 'and returned', request: `GET ${T}/rep`, status: 200, json: { ...replicator, n: 1 } },
  {
    name: 'other special members are refused',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'x', _replication: 1 }] },
    status: 400,
    json: { error: 'doc_validation', reason: 'Bad special document member: _replication' },
  },
  {
    name: 'members that a read adds are ignored',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'read', _revs_info: [], _local_seq: 1, _conflicts: ['1-a'], _deleted_conflicts: [] }] },
    status: 201,
    json: [{ ok: true, id: 'read' }],
  },

  {
    name: 'revisions without hash, of generation 0 and with leading zeros are stored',
    request: `POST ${T}/_bulk_docs`,
    body: {
      new_edits: false,
      docs: [
        { _id: 'empty', _rev: '1-', n: 1 },
        { _id: 'zero', _rev: '0-abc', n: 2 },
        { _id: 'zeros', _rev: '01-abc', n: 3 },
        { _id: 'last', _rev: '9007199254740991-abc', n: 4 },
      ],
    },
    status: 201,
    json: [],
  },
  { name: 'without hash', request: `GET ${T}/empty?rev=1-`, status: 200, json: { _rev: '1-', n: 1 } },
  { name: 'generation 0', request: `GET ${T}/zero?revs=true`, status: 200, json: { _rev: '0-abc', n: 2 } },
  { name: 'leading zeros are read as none', request: `GET ${T}/zeros`, status: 200, json: { _rev: '1-abc', n: 3 } },
  {
    name: 'all of them are in the feed',
    request: `GET ${T}/_all_docs?keys=%5B%22empty%22,%22zero%22,%22last%22%5D`,
    status: 200,
    json: {
      rows: [{ value: { rev: '1-' } }, { value: { rev: '0-abc' } }, { value: { rev: '9007199254740991-abc' } }],
    },
  },
  {
    name: 'an edit goes on from a revision without hash',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'empty', _rev: '1-', n: 5 }] },
    status: 201,
    json: [{ ok: true, rev: /^2-/ }],
  },
  {
    name: 'an edit goes on from generation 0',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'zero', _rev: '0-abc', n: 5 }] },
    status: 201,
    json: [{ ok: true, rev: /^1-/ }],
  },
  {
    name: 'nothing goes on from the last generation',
    request: `POST ${T}/_bulk_docs`,
    body: { docs: [{ _id: 'last', _rev: '9007199254740991-abc', n: 5 }] },
    status: 400,
    json: { error: 'bad_request', reason: 'There is no generation after 9007199254740991' },
  },
  ...['1', '-abc', 'x-abc', '9007199254740992-abc', '99999999999999999999-a'].map(
    (rev): Scenario => ({
      name: `the revision ${rev} is refused`,
      request: `POST ${T}/_bulk_docs`,
      body: { new_edits: false, docs: [{ _id: 'bad', _rev: rev }] },
      status: 400,
      json: badRevision,
    }),
  ),

  ...(['GET', 'PUT', 'DELETE', 'POST'] as const).map(
    (method): Scenario => ({
      name: `${method} of an attachment of a local document is refused`,
      request: `${method} ${T}/_local/x/att`,
      ...(method === 'PUT' || method === 'POST' ? { body: 'x' } : {}),
      status: 400,
      json: noAttachments,
    }),
  ),
  {
    name: 'of an attachment with slashes in its name, too',
    request: `GET ${T}/_local/x/a/b`,
    status: 400,
    json: noAttachments,
  },

  {
    name: 'a local document without revision',
    request: `PUT ${T}/_local/p`,
    body: {},
    status: 201,
    json: { rev: '0-1' },
  },
  {
    name: 'with any revision',
    request: `PUT ${T}/_local/p`,
    body: { _rev: '0-77' },
    status: 201,
    json: { rev: '0-78' },
  },
  { name: 'without one again', request: `PUT ${T}/_local/p`, body: {}, status: 201, json: { rev: '0-1' } },
  { name: 'a malformed one', request: `PUT ${T}/_local/p`, body: { _rev: '1-a' }, status: 400, json: badRevision },

  ...['a', 'b', 'c'].map(
    (id): Scenario => ({
      name: `document ${id}`,
      request: `POST ${T}/_bulk_docs`,
      body: { docs: [{ _id: id }] },
      status: 201,
    }),
  ),
  ...(
    [
      ['key="a"&startkey="b"&endkey="c"', ['b', 'c']],
      ['startkey="b"&endkey="c"&key="a"', ['a']],
      ['key="a"&endkey="b"', ['a', 'b']],
      ['startkey="b"&key="a"&start_key="a"&end_key="b"', ['a', 'b']],
      ['startkey="a"&startkey="b"&endkey="b"', ['b']],
    ] as const
  ).map(
    ([query, ids]): Scenario => ({
      name: `_all_docs?${query}: the last bound counts`,
      request: `GET ${T}/_all_docs?${query.replaceAll('"', '%22')}`,
      status: 200,
      json: { rows: ids.map((id) => ({ id })) },
    }),
  ),
  {
    name: 'the same in a body',
    request: `POST ${T}/_all_docs`,
    body: { key: 'a', startkey: 'b', endkey: 'c' },
    status: 200,
    json: { rows: [{ id: 'b' }, { id: 'c' }] },
  },
]

scenarios('/couchdb takes what CouchDB takes', openStage, onBoth('/couchdb/test.leniency'))
scenarios('/data takes what CouchDB takes', openStage, onBoth('/data/test.leniency2'))

const T = '/data/test.strictness'
const N = ['n1', 'n2', 'n3', 'n4', 'n5']

scenarios('/data refuses and answers as cozy-stack', openStage, [
  ...N.map((id): Scenario => ({ name: id, request: `PUT ${T}/${id}`, body: { name: id, other: 1 }, status: 200 })),
  {
    name: 'PUT with a member of the replicator',
    request: `PUT ${T}/rep`,
    body: { _replication_state: 'x' },
    status: 400,
    json: { error: 'doc_validation' },
  },
  {
    name: 'POST with one',
    request: `POST ${T}/`,
    body: { _access: [] },
    status: 400,
    json: { error: 'doc_validation' },
  },
  {
    name: 'POST with an empty _id',
    request: `POST ${T}/`,
    body: { _id: '', a: 1 },
    status: 400,
    json: { error: 'illegal_docid', reason: 'Document id must not be empty' },
  },
  {
    name: 'POST of null',
    request: `POST ${T}/`,
    body: 'null',
    status: 400,
    json: { ok: false, reason: 'Document must be a JSON object' },
  },
  {
    name: '_all_docs with an empty body',
    request: `POST ${T}/_all_docs`,
    body: '',
    status: 400,
    json: { error: 'bad_request' },
  },
  {
    name: '_changes with a seq_interval that is not a number',
    request: `GET ${T}/_changes?seq_interval=x`,
    status: 400,
    json: { error: "Bad Request(400): Invalid seq_interval value 'x'" },
  },
  {
    name: '_all_docs with Fields: rows of id, rev and doc',
    request: `GET ${T}/_all_docs?Fields=name&limit=1`,
    status: 200,
    json: { rows: [{ id: 'n1', rev: /^1-/, doc: { name: 'n1' } }] },
    lacks: ['"value"', '"other"'],
  },
  {
    name: 'there startkey needs no quotes',
    request: `GET ${T}/_all_docs?Fields=name&startkey=n4`,
    status: 200,
    json: { rows: [{ id: 'n4' }, { id: 'n5' }] },
  },
  {
    name: 'and may have them',
    request: `GET ${T}/_all_docs?Fields=name&startkey=%22n4%22`,
    status: 200,
    json: { rows: [{ id: 'n4' }, { id: 'n5' }] },
  },
  {
    name: '_normal_docs with limit 0: the whole page',
    request: `GET ${T}/_normal_docs?limit=0`,
    status: 200,
    json: { rows: N.map((_id) => ({ _id })) },
  },
])

const I = '/couchdb/test.idorder'
scenarios('ids in selectors', openStage, [
  { name: 'a database', request: `PUT ${I}`, status: 201 },
  { name: 'documents', request: `POST ${I}/_bulk_docs`, body: { docs: [{ _id: 'a' }, { _id: 'b' }] }, status: 201 },
  ...([null, false, 7, [], {}, ['a'], { a: 1 }] as const).flatMap((value): Scenario[] =>
    (
      [
        ['$gt', 2],
        ['$gte', 2],
        ['$lt', 0],
        ['$lte', 0],
        ['$eq', 0],
        ['$ne', 2],
      ] as const
    ).map(([operator, found]) => ({
      name: `${operator} ${JSON.stringify(value)} finds ${found}`,
      request: `POST ${I}/_find`,
      body: { selector: { _id: { [operator]: value } } },
      status: 200,
      json: { docs: [{ _id: 'a' }, { _id: 'b' }].slice(0, found) },
    })),
  ),
  {
    name: 'under $or, where no range is read',
    request: `POST ${I}/_find`,
    body: { selector: { $or: [{ _id: { $lt: {} } }, { _id: { $gt: ['z'] } }] } },
    status: 200,
    json: { docs: [{ _id: 'a' }, { _id: 'b' }] },
  },
  {
    name: 'an index by name',
    request: `POST ${I}/_index`,
    body: { index: { fields: ['a'] } },
    status: 200,
    json: { result: 'created' },
    save: { first: 'id' },
  },
  {
    name: 'the same once more',
    request: `POST ${I}/_index`,
    body: { index: { fields: ['a'] } },
    status: 200,
    json: { result: 'exists', id: '{{first}}' },
  },
  {
    name: 'by name and direction: another design document',
    request: `POST ${I}/_index`,
    body: { index: { fields: [{ a: 'asc' }] } },
    status: 200,
    json: { result: 'created' },
  },
  { name: 'both are listed', request: `GET ${I}/_index`, status: 200, json: { total_rows: 3 } },
])

const S = '/couchdb/test.statistics'
const four = { selector: { n: { $gt: 0 } }, limit: 3, execution_stats: true }
const statistics = (keys: number, documents: number, quorum: number) => ({
  execution_stats: {
    total_keys_examined: keys,
    total_docs_examined: documents,
    total_quorum_docs_examined: quorum,
    results_returned: 3,
  },
})

scenarios('what queries tell of themselves', openStage, [
  { name: 'a database', request: `PUT ${S}`, status: 201 },
  {
    name: 'documents',
    request: `POST ${S}/_bulk_docs`,
    body: { docs: [1, 2, 3, 4].map((n) => ({ _id: `${n}`, n, city: ['Ñuñoa', 'Ωmega', 'nu', 'Zü'][n - 1] })) },
    status: 201,
  },
  {
    name: 'without an index no range is told',
    request: `POST ${S}/_explain`,
    body: { selector: { n: 1 } },
    status: 200,
    json: { mrargs: { start_key: null, end_key: '<MAX>' }, index_candidates: [], selector_hints: [{ type: 'json' }] },
  },
  { name: 'indexes', request: `POST ${S}/_index`, body: { index: { fields: ['n'] } }, status: 200 },
  { name: 'of text', request: `POST ${S}/_index`, body: { index: { fields: ['city'] } }, status: 200 },
  {
    name: 'statistics count the row behind the limit',
    request: `POST ${S}/_find`,
    body: four,
    status: 200,
    json: statistics(4, 4, 0),
  },
  {
    name: 'and no row where there is none',
    request: `POST ${S}/_find`,
    body: { ...four, selector: { n: { $gte: 2 } } },
    status: 200,
    json: statistics(3, 3, 0),
  },
  {
    name: 'with a quorum documents are counted apart',
    request: `POST ${S}/_find`,
    body: { ...four, r: 2 },
    status: 200,
    json: statistics(4, 0, 4),
  },
  {
    name: 'an index that holds all that is asked for covers the query',
    request: `POST ${S}/_explain`,
    body: { selector: { n: 1 }, fields: ['n'] },
    status: 200,
    json: { covering: true },
  },
  ...(
    [
      ['Ñ', ['1']],
      ['Ω', ['2']],
      ['Zü', ['4']],
      ['ñ', []],
    ] as const
  ).map(
    ([prefix, ids]): Scenario => ({
      name: `$beginsWith ${prefix} reads a range of the index`,
      request: `POST ${S}/_find`,
      body: { selector: { city: { $beginsWith: prefix } } },
      status: 200,
      json: { docs: ids.map((_id) => ({ _id })) },
      lacks: ['warning'],
    }),
  ),
])
