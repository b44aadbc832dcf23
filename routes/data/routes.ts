/**
 * The data API under `/data`: its URL space in one screen. Fixed names come before the places where ids may stand; a
 * wrong method on one of them is 405 and never an id.
 */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { allDocsRoutes } from './all-docs.ts'
import { attachmentRoutes } from './attachments.ts'
import { bulkRoute } from './bulk-docs.ts'
import { bulkGetRoute } from './bulk-get.ts'
import { changesRoutes } from './changes.ts'
import { createRoute } from './create.ts'
import { databaseRoutes } from './database.ts'
import { deleteRoute } from './delete.ts'
import { designRoutes } from './design-documents.ts'
import { doctypesRoute } from './doctypes.ts'
import { couchErrorBody, frameworkProblem, ownErrorBody } from './errors.ts'
import { findRoutes } from './find.ts'
import { fullCommitRoute } from './full-commit.ts'
import { indexRoutes } from './indexes.ts'
import { localRoutes } from './local-documents.ts'
import { normalDocsRoute } from './normal-docs.ts'
import { readRoute } from './read.ts'
import { revsDiffRoutes } from './revs-diff.ts'
import type { DataServices } from './services.ts'
import { updateRoute } from './update.ts'
import { welcomeRoute } from './welcome.ts'

/** Mount the face's router at the root: its paths are whole. */
export function dataRoutes(services: DataServices): Face {
  const own = newFace({ log: services.log, errorBody: ownErrorBody, invalidTokenStatus: services.expiredStatus })
  // Routes that cozy-stack passes on to CouchDB fail with CouchDB's bodies.
  const couch = own.withErrorBody(couchErrorBody)

  welcomeRoute(own) //                       GET          /data
  doctypesRoute(own, services) //            GET          /data/_all_doctypes
  allDocsRoutes(couch, services) //          GET, POST    /data/T/_all_docs
  normalDocsRoute(own, services) //          GET          /data/T/_normal_docs
  findRoutes(own, services) //               POST         /data/T/_find, _explain
  bulkRoute(couch, services) //              POST         /data/T/_bulk_docs
  indexRoutes(own, services) //              POST, GET    /data/T/_index; POST .../_bulk_delete; DELETE .../D/json/NAME
  designRoutes(own, couch, services) //      GET          /data/T/_design_docs; GET, DELETE /data/T/_design/D; POST .../copy
  localRoutes(couch, services) //            GET, PUT, DELETE /data/T/_local/ID
  revsDiffRoutes(couch, services) //         POST         /data/T/_revs_diff, _missing_revs
  bulkGetRoute(couch, services) //           POST         /data/T/_bulk_get
  fullCommitRoute(couch, services) //        POST         /data/T/_ensure_full_commit
  changesRoutes(own, services) //            GET, POST    /data/T/_changes
  refuseOtherMethods(own)

  databaseRoutes(own, couch, services) //    GET, PUT, DELETE /data/T
  createRoute(own, services) //              POST             /data/T
  readRoute(own, services) //                GET              /data/T/ID
  updateRoute(own, services) //              PUT              /data/T/ID
  deleteRoute(own, services) //              DELETE           /data/T/ID
  attachmentRoutes(couch, services) //       GET, PUT, DELETE /data/T/ID/NAME, /data/T/_design/D/NAME
  refuseOtherMethods(own)

  own.router.all('/data/*', (c) => own.onError(frameworkProblem('not_found', 'Not Found'), c))
  return own
}
