/**
 * CouchDB 3's own protocol under `/couchdb`, over the same engine as the data API (documents, 'Two faces, one engine').
 */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { attachmentRoutes } from './attachments.ts'
import { bulkRoute } from './bulk-docs.ts'
import { bulkGetRoute } from './bulk-get.ts'
import { changesRoutes } from './changes.ts'
import { compactRoutes } from './compact.ts'
import { copyRoutes } from './copy.ts'
import { createRoute } from './create.ts'
import { databaseRoutes } from './databases.ts'
import { errorBody } from './errors.ts'
import { listingRoutes } from './listings.ts'
import { localRoutes } from './local.ts'
import { mangoRoutes } from './mango.ts'
import { readRoutes } from './read.ts'
import { revsDiffRoutes } from './revs-diff.ts'
import { serverRoutes } from './server.ts'
import type { CouchdbServices } from './services.ts'
import { sessionRoutes } from './session.ts'
import { unservedDatabase, unservedPaths, unservedServer } from './unserved.ts'
import { writeRoutes } from './write.ts'

/** All routes, ready to be mounted on the public listener at its root. Fixed names come before names in their place. */
export function couchdbFace(services: CouchdbServices): Face {
  const face = newFace({ log: services.log, errorBody })
  serverRoutes(face, services)
  sessionRoutes(face, services)
  refuseOtherMethods(face)
  unservedServer(face)

  databaseRoutes(face, services)
  listingRoutes(face, services)
  mangoRoutes(face, services)
  bulkRoute(face, services)
  localRoutes(face, services)
  revsDiffRoutes(face, services)
  bulkGetRoute(face, services)
  changesRoutes(face, services)
  compactRoutes(face, services)
  createRoute(face, services)
  refuseOtherMethods(face)
  unservedDatabase(face)

  copyRoutes(face, services)
  readRoutes(face, services)
  writeRoutes(face, services)
  attachmentRoutes(face, services)
  refuseOtherMethods(face)
  unservedPaths(face)
  return face
}
