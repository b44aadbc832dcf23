/**
 * CouchDB 3's own protocol under `/couchdb`, over the same engine as the data API: its URL space in one screen. Fixed names
 * come before the places where ids may stand; a wrong method on one of them is 405 and never an id.
 */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { allDocsRoutes } from './all-docs.ts'
import { attachmentRoutes } from './attachments.ts'
import { bulkRoute } from './bulk-docs.ts'
import { bulkGetRoute } from './bulk-get.ts'
import { changesRoutes } from './changes.ts'
import { compactRoutes } from './compact.ts'
import { copyRoutes } from './copy.ts'
import { createRoute } from './create.ts'
import { databaseRoutes } from './databases.ts'
import { errorBody } from './errors.ts'
import { findRoutes } from './find.ts'
import { indexRoutes } from './indexes.ts'
import { localRoutes } from './local-documents.ts'
import { readRoutes } from './read.ts'
import { revsDiffRoutes } from './revs-diff.ts'
import { serverRoutes } from './server.ts'
import type { CouchdbServices } from './services.ts'
import { sessionRoutes } from './session.ts'
import { unservedDatabase, unservedPaths, unservedServer } from './unserved.ts'
import { writeRoutes } from './write.ts'

/** Mount the face's router at the root: its paths are whole. */
export function couchdbRoutes(services: CouchdbServices): Face {
  const face = newFace({ log: services.log, errorBody })
  serverRoutes(face, services) //       GET          /couchdb, _up, _uuids, _all_dbs; GET, POST _dbs_info
  sessionRoutes(face, services) //      GET, POST, DELETE /couchdb/_session
  refuseOtherMethods(face)
  unservedServer(face) //               501          /couchdb/_users, _replicate, _utils and others

  databaseRoutes(face, services) //     GET, PUT, DELETE /couchdb/DB; GET, PUT _revs_limit, _security; POST _ensure_full_commit
  allDocsRoutes(face, services) //      GET, POST    /couchdb/DB/_all_docs, _design_docs; POST .../queries
  findRoutes(face, services) //         POST         /couchdb/DB/_find, _explain
  indexRoutes(face, services) //        GET, POST    /couchdb/DB/_index; DELETE _index/D/json/NAME; POST _index/_bulk_delete
  bulkRoute(face, services) //          POST         /couchdb/DB/_bulk_docs
  localRoutes(face, services) //        GET, PUT, DELETE /couchdb/DB/_local/ID; GET, POST _local_docs
  revsDiffRoutes(face, services) //     POST         /couchdb/DB/_revs_diff, _missing_revs
  bulkGetRoute(face, services) //       POST         /couchdb/DB/_bulk_get
  changesRoutes(face, services) //      GET, POST    /couchdb/DB/_changes
  compactRoutes(face, services) //      POST         /couchdb/DB/_compact, _compact/D, _view_cleanup
  createRoute(face, services) //        POST         /couchdb/DB
  refuseOtherMethods(face)
  unservedDatabase(face) //             501          /couchdb/DB/_purge, _partition; /couchdb/DB/_design/D/_view and others

  copyRoutes(face, services) //         COPY         /couchdb/DB/ID, /couchdb/DB/_design/D
  readRoutes(face, services) //         GET          /couchdb/DB/ID, /couchdb/DB/_design/D
  writeRoutes(face, services) //        PUT, DELETE  /couchdb/DB/ID, /couchdb/DB/_design/D
  attachmentRoutes(face, services) //   GET, PUT, DELETE /couchdb/DB/ID/NAME, /couchdb/DB/_design/D/NAME
  refuseOtherMethods(face)
  unservedPaths(face) //                404          everything else below /couchdb
  return face
}
