/**
 * The admin API: its URL space in one screen. Fixed names below `/instances` come before the place of a domain. Every
 * route asks for the passphrase, unknown ones too.
 */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { basicAuth } from './basic-auth.ts'
import { createRoute } from './create.ts'
import { deleteRoute } from './delete.ts'
import { errorBody, PlainProblem } from './errors.ts'
import { exportRoutes } from './exports.ts'
import { fixerRoutes } from './fixers.ts'
import { fsckRoute } from './fsck.ts'
import { layoutsRoute } from './layouts.ts'
import { listRoutes } from './list.ts'
import { metricsRoutes } from './metrics.ts'
import { modifyRoute } from './modify.ts'
import type { AdminServices } from './services.ts'
import { showRoutes } from './show.ts'
import { swiftRoutes } from './swift.ts'
import { tokenRoute } from './token.ts'
import { versionRoute } from './version.ts'

/** Mount the face's router at the root of the admin listener, behind what needs no passphrase. */
export function adminRoutes(services: AdminServices): Face {
  // Answers here may hold secrets: no cache may keep them.
  const headers = { 'cache-control': 'no-store' }
  const face = newFace({ log: services.log, errorBody, media: 'application/vnd.api+json', headers })
  face.router.use(basicAuth(services.auth, face.onError))
  metricsRoutes(face.router, services.metrics) // GET /metrics

  versionRoute(face) //           GET    /version
  listRoutes(face, services) //   GET    /instances, /instances/count
  createRoute(face, services) //  POST   /instances
  tokenRoute(face, services) //   POST   /instances/token
  refuseOtherMethods(face)

  showRoutes(face, services) //   GET    /instances/DOMAIN, /instances/DOMAIN/prefix
  modifyRoute(face, services) //  PATCH  /instances/DOMAIN
  deleteRoute(face, services) //  DELETE /instances/DOMAIN
  fsckRoute(face, services) //    GET    /instances/DOMAIN/fsck
  fixerRoutes(face, services) //  POST   /instances/DOMAIN/fixers/content-mismatch
  exportRoutes(face, services) // POST   /instances/DOMAIN/export; GET /instances/DOMAIN/exports/ID/data
  layoutsRoute(face, services) // GET    /swift/layouts
  swiftRoutes(face, services) //  GET    /swift/vfs; GET, PUT, DELETE /swift/vfs/OBJECT
  refuseOtherMethods(face)

  face.router.all('*', (c) => face.onError(new PlainProblem('not_found', 'Not Found'), c))
  return face
}
