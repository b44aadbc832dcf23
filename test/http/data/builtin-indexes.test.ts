/** Indexes that nobody made: those of the server's own design documents, and those of conflicts. */
import { type Scenario, scenarios } from '../scenarios.ts'
import { openStage } from '../stage.ts'

const F = '/data/io.cozy.files'
const text = { 'content-type': 'text/plain' }
const children = { dir_id: '{{dir}}', type: 'file', name: { $gt: null } }

scenarios('io.cozy.files', openStage, [
  { name: 'a directory', request: 'POST /files/?Type=directory&Name=Builtin', status: 201, save: { dir: 'data.id' } },
  ...['b.txt', 'a.txt', 'c.txt'].map(
    (name): Scenario => ({
      name,
      request: `POST /files/{{dir}}?Type=file&Name=${name}`,
      body: name,
      headers: text,
      status: 201,
      save: { [name.charAt(0)]: 'data.id' },
    }),
  ),

  {
    name: 'GET of a design document',
    request: `GET ${F}/_design/dir-by-path`,
    status: 200,
    json: { _id: '_design/dir-by-path', _rev: /^1-[0-9a-f]{32}$/, language: 'query' },
    save: { rev: '_rev' },
  },
  {
    name: 'by its revision and with its history',
    request: `GET ${F}/_design/dir-by-path?rev={{rev}}&revs=true`,
    status: 200,
    json: { _rev: '{{rev}}' },
  },
  { name: 'on /couchdb, too', request: 'GET /couchdb/io.cozy.files/_design/dir-by-path', status: 200 },
  {
    name: '_design_docs lists them in order',
    request: `GET ${F}/_design_docs`,
    status: 200,
    contains: ['"_design/by-mime-updated-at"', '"_design/dir-children"'],
  },
  {
    name: 'between bounds',
    request: `GET ${F}/_design_docs?startkey=%22_design/dir-%22&endkey=%22_design/dir-z%22&include_docs=true`,
    status: 200,
    json: { rows: [{ id: '_design/dir-by-path', doc: { language: 'query' } }, { id: '_design/dir-children' }] },
  },
  {
    name: '_index lists them',
    request: `GET ${F}/_index`,
    status: 200,
    contains: ['"ddoc":"_design/dir-children"', '"fields":[{"dir_id":"asc"},{"_id":"asc"}]'],
  },
  {
    name: 'making one again is nothing new',
    request: `POST ${F}/_index`,
    body: { ddoc: 'dir-children', index: { fields: ['dir_id', '_id'] } },
    status: 200,
    json: { result: 'exists', id: '_design/dir-children' },
  },
  {
    name: 'changing one is refused',
    request: `POST ${F}/_index`,
    body: { ddoc: 'dir-children', index: { fields: ['dir_id'] } },
    status: 403,
  },
  { name: 'deleting one is refused', request: `DELETE ${F}/_design/dir-children?rev={{rev}}`, status: 403 },
  { name: 'they are in no feed', request: `GET ${F}/_changes`, status: 200, lacks: ['dir-children'] },
  {
    name: 'but in the list of documents, as everywhere in CouchDB',
    request: `GET ${F}/_all_docs?startkey=%22_design/dir-%22&limit=2`,
    status: 200,
    json: { rows: [{ id: '_design/dir-by-path' }, { id: '_design/dir-children' }] },
  },
  {
    name: 'also where it is asked for by name',
    request: `POST ${F}/_all_docs?include_docs=true`,
    body: { keys: ['_design/disk-usage'] },
    status: 200,
    json: { rows: [{ id: '_design/disk-usage', doc: { language: 'javascript' } }] },
  },
  {
    name: 'a list without design documents lacks them',
    request: `GET ${F}/_normal_docs`,
    status: 200,
    lacks: ['_design'],
  },
  { name: 'a script of cozy-stack is shown', request: `GET ${F}/_design/referenced-by`, status: 200 },

  {
    name: '{dir_id}: the children',
    request: `POST ${F}/_find`,
    body: { selector: { dir_id: '{{dir}}' }, fields: ['name'] },
    status: 200,
    contains: ['a.txt', 'b.txt', 'c.txt'],
    lacks: ['warning'],
  },
  {
    name: '{path, type}: the directory',
    request: `POST ${F}/_find`,
    body: { selector: { path: '/Builtin', type: 'directory' } },
    status: 200,
    json: { docs: [{ _id: '{{dir}}', name: 'Builtin' }] },
  },
  {
    name: '_explain says so',
    request: `POST ${F}/_explain`,
    body: { selector: { path: '/Builtin', type: 'directory' } },
    status: 200,
    json: { index: { ddoc: '_design/dir-by-path' } },
  },
  {
    name: 'use_index, page by page',
    request: `POST ${F}/_find`,
    body: { selector: children, use_index: '_design/dir-children', limit: 2 },
    status: 200,
    json: { docs: [{ dir_id: '{{dir}}' }, { dir_id: '{{dir}}' }], next: true },
    save: { mark: 'bookmark', first: 'docs.0._id', second: 'docs.1._id' },
  },
  {
    name: 'the last page holds what is left',
    request: `POST ${F}/_find`,
    body: { selector: children, use_index: '_design/dir-children', limit: 2, bookmark: '{{mark}}' },
    status: 200,
    json: { docs: [{ dir_id: '{{dir}}' }], next: false },
    lacks: ['{{first}}', '{{second}}'],
  },
  {
    name: 'sorted by date, the latest first',
    request: `POST ${F}/_find`,
    body: {
      selector: { dir_id: '{{dir}}', updated_at: { $gt: null } },
      sort: [{ dir_id: 'desc' }, { updated_at: 'desc' }],
      fields: ['name'],
    },
    status: 200,
    json: { docs: [{ name: 'c.txt' }, { name: 'a.txt' }, { name: 'b.txt' }] },
  },
  {
    name: 'POST /files/_find',
    request: 'POST /files/_find',
    body: { selector: children, use_index: '_design/dir-children' },
    headers: { accept: 'application/vnd.api+json' },
    status: 200,
    contains: ['a.txt', 'b.txt', 'c.txt'],
  },
  {
    name: 'by type and date of contents, among all files',
    request: `POST ${F}/_find`,
    body: {
      selector: { mime: 'text/plain', trashed: false, updated_at: { $gt: null }, dir_id: '{{dir}}' },
      use_index: '_design/by-mime-updated-at',
      fields: ['name'],
    },
    status: 200,
    json: { docs: [{ name: 'b.txt' }, { name: 'a.txt' }, { name: 'c.txt' }] },
  },
])

const C = '/couchdb/test.conflicting'
const leaf = (hash: string) => ({ _id: 'both', _rev: `1-${hash}`, leaf: hash })

scenarios('an index of conflicts', openStage, [
  { name: 'a database', request: `PUT ${C}`, status: 201 },
  {
    name: 'a document with two leaves beside others',
    request: `POST ${C}/_bulk_docs`,
    body: { new_edits: false, docs: [leaf('a'), leaf('b'), { _id: 'alone', _rev: '1-a' }] },
    status: 201,
  },
  {
    name: 'the index',
    request: `POST ${C}/_index`,
    body: { ddoc: 'conflicts', index: { fields: ['_conflicts'] } },
    status: 200,
    json: { result: 'created' },
  },
  {
    name: 'finds it with its conflicts',
    request: `POST ${C}/_find`,
    body: { selector: { _conflicts: { $exists: true } }, conflicts: true },
    status: 200,
    json: { docs: [{ _id: 'both', _rev: '1-b', _conflicts: ['1-a'] }] },
    lacks: ['warning'],
  },
  {
    name: 'without showing them where they were not asked for',
    request: `POST ${C}/_find`,
    body: { selector: { _conflicts: { $exists: true } } },
    status: 200,
    json: { docs: [{ _id: 'both', _rev: '1-b' }] },
    lacks: ['"_conflicts"'],
  },
  { name: 'once it is settled', request: `DELETE ${C}/both?rev=1-a`, status: 200 },
  {
    name: 'it is found no more',
    request: `POST ${C}/_find`,
    body: { selector: { _conflicts: { $exists: true } }, conflicts: true },
    status: 200,
    json: { docs: [] },
  },
])
