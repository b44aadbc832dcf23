/** Names that CouchDB knows and this server does not serve: 501, with what to use instead. */
import { Problem } from '../../src/model/errors.ts'
import type { Face } from '../http/endpoint.ts'
import { noDocument } from './errors.ts'

const feeds = 'There is no feed of databases here: follow one database with _changes.'
const mango = 'JavaScript does not run here: index fields with POST _index and query them with POST _find.'
const tokens = 'There are no user accounts here: give each client a token, by the admin API.'
const push = 'This server does not replicate by itself: run the replication in a client or in another CouchDB.'
const operations = 'This server is operated through its own admin API and its command line.'

/** Above databases: `/couchdb/NAME` and everything below it. */
const serverNames: Readonly<Record<string, string>> = {
  _users: tokens,
  _replicator: push,
  _replicate: push,
  _scheduler: push,
  _global_changes: feeds,
  _db_updates: feeds,
  _active_tasks: operations,
  _cluster_setup: operations,
  _config: operations,
  _membership: operations,
  _node: operations,
  _reshard: operations,
  _stats: operations,
  _system: operations,
  _utils: operations,
  _search_analyze: mango,
  _nouveau_analyze: mango,
}

/** In a database: `/couchdb/DB/NAME` and everything below it. */
const databaseNames: Readonly<Record<string, string>> = {
  _partition: 'Databases have no partitions here: POST _find with an index serves the same queries.',
  _purge: 'Purging is not served: delete documents, or the whole database.',
  _purged_infos: 'Purging is not served: delete documents, or the whole database.',
  _purged_infos_limit: 'Purging is not served: delete documents, or the whole database.',
  _shards: operations,
  _sync_shards: operations,
  _temp_view: mango,
}

/** In a design document: `/couchdb/DB/_design/X/NAME` and everything below it. */
const designNames: Readonly<Record<string, string>> = {
  _view: mango,
  _list: mango,
  _show: mango,
  _update: mango,
  _rewrite: mango,
  _search: mango,
  _search_info: mango,
  _nouveau: mango,
  _nouveau_info: mango,
  _info: 'Indexes are listed by GET _index; there is nothing more to tell of a design document.',
}

/** Register before routes whose names would take these for ids. */
export function unservedServer(face: Face): void {
  refuseAll(face, '/couchdb', serverNames)
}

/** Register before routes whose names would take these for ids, and after `refuseOtherMethods`. */
export function unservedDatabase(face: Face): void {
  refuseAll(face, '/couchdb/:db', databaseNames)
  refuseAll(face, '/couchdb/:db/_design/:ddoc', designNames)
}

/** Register last: everything else is unknown. */
export function unservedPaths(face: Face): void {
  face.router.all('/couchdb/*', (c) => face.onError(noDocument('missing'), c))
}

function refuseAll(face: Face, base: string, names: Readonly<Record<string, string>>): void {
  for (const [name, reason] of Object.entries(names)) {
    for (const path of [`${base}/${name}`, `${base}/${name}/*`]) {
      face.router.all(path, (c) => face.onError(new Problem('not_implemented', reason), c))
    }
  }
}
