/**
 * The admin API: its URL space in one screen. Fixed names below `/instances` come before the place of a domain. Every
 * route asks for the passphrase, unknown ones too.
 */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { sameSiteOnly } from '../http/same-site.ts'
import { basicAuth } from './access.ts'
import { activityRoute, appVersionRoute } from './activity.ts'
import { auditTrail } from './audit.ts'
import { checkRoutes } from './checks.ts'
import { clientRoutes, removeClientsRoute } from './clients.ts'
import { codeRoutes } from './codes.ts'
import { contextRoutes } from './contexts.ts'
import { createRoute } from './create.ts'
import { debugRoutes } from './debug.ts'
import { deleteRoute } from './delete.ts'
import { errorBody, PlainProblem } from './errors.ts'
import { exportRoutes } from './exports.ts'
import { instanceFeatureRoutes, sharedFeatureRoutes } from './features.ts'
import { contentFixerRoute, otherFixerRoutes } from './fixers.ts'
import { fsckRoute } from './fsck.ts'
import { importRoutes } from './imports.ts'
import { jobRoute } from './jobs.ts'
import { layoutsRoute } from './layouts.ts'
import { listRoutes } from './list.ts'
import { maintenanceRoutes } from './maintenance.ts'
import { metricsRoutes } from './metrics.ts'
import { modifyRoute } from './modify.ts'
import { notificationRoute } from './notifications.ts'
import { oidcRoute } from './oidc.ts'
import { operationRoutes } from './operation.ts'
import { profileRoute } from './profile.ts'
import { realtimeRoute } from './realtime.ts'
import type { AdminServices } from './services.ts'
import { showRoutes } from './show.ts'
import { swiftRoutes } from './swift.ts'
import { tokenRoute } from './token.ts'
import { usageRoutes } from './usage.ts'
import { versionRoutes } from './version.ts'

/** Mount the face's router at the root of the admin listener, behind what needs no passphrase. */
export function adminRoutes(services: AdminServices): Face {
  // Other methods on known paths are unknown paths, as tools know it. Answers may contain secrets: no cache may keep them.
  const headers = { 'cache-control': 'no-store' }
  const face = newFace({ log: services.log, errorBody, media: 'application/vnd.api+json', headers })
  face.router.use(sameSiteOnly(face.onError))
  face.router.use(auditTrail(services.audit, services.clientOf))
  face.router.use(basicAuth(services, face.onError))

  metricsRoutes(face, services) //                  GET /metrics
  realtimeRoute(face, services) //                  GET /realtime, a websocket
  versionRoutes(face, 'the admin passphrase') //    GET /version, /connection_check
  listRoutes(face, services) //          GET         /instances, /instances/count
  createRoute(face, services) //         POST        /instances
  tokenRoute(face, services) //          POST        /instances/token
  clientRoutes(face, services) //        GET, POST   /instances/oauth_client
  contextRoutes(face, services) //       GET         /instances/contexts, /instances/contexts/NAME
  appVersionRoute(face, services) //     GET         /instances/with-app-version/SLUG/VERSION
  operationRoutes(face) //               POST, GET   /instances/{redis, assets}
  sharedFeatureRoutes(face, services) // GET, PATCH  /instances/feature/{config/C, contexts/C, defaults}
  refuseOtherMethods(face)

  showRoutes(face, services) //            GET    /instances/DOMAIN, /instances/DOMAIN/prefix
  modifyRoute(face, services) //           PATCH  /instances/DOMAIN
  deleteRoute(face, services) //           DELETE /instances/DOMAIN
  activityRoute(face, services) //         GET    /instances/DOMAIN/last-activity
  usageRoutes(face, services) //           GET    /instances/DOMAIN/{disk-usage, swift-prefix}
  codeRoutes(face, services) //            POST   /instances/DOMAIN/{magic_link, session_code, ...}; DELETE .../sessions
  instanceFeatureRoutes(face, services) // GET, PATCH, PUT /instances/DOMAIN/feature/{flags, sets}
  debugRoutes(face, services) //           GET, POST, DELETE /instances/DOMAIN/debug
  fsckRoute(face, services) //             GET    /instances/DOMAIN/fsck
  checkRoutes(face, services) //           POST   /instances/DOMAIN/checks/{triggers, shared, sharings}
  contentFixerRoute(face, services) //     POST   /instances/DOMAIN/fixers/content-mismatch
  otherFixerRoutes(face, services) //      POST   /instances/DOMAIN/fixers/{password-defined, orphan-account, ...}
  notificationRoute(face, services) //     POST   /instances/DOMAIN/notifications
  exportRoutes(face, services) //          POST   /instances/DOMAIN/export; GET .../exports, .../exports/ID, .../exports/ID/data
  importRoutes(face, services) //          POST   /instances/DOMAIN/import; PUT, GET, POST, DELETE .../imports/ID; PUT its pieces
  jobRoute(face, services) //              GET    /instances/DOMAIN/jobs/ID
  removeClientsRoute(face, services) //    DELETE /oauth/DOMAIN/clients
  maintenanceRoutes(face, services) //     GET    /konnectors/maintenance; PUT, DELETE /konnectors/maintenance/SLUG
  oidcRoute(face, services) //             POST   /oidc/CONTEXT/PROVIDER/code
  layoutsRoute(face, services) //          GET    /swift/layouts
  swiftRoutes(face, services) //           GET    /swift/vfs; GET, PUT, DELETE /swift/vfs/OBJECT
  profileRoute(face) //                    GET    /tools/pprof/heap

  face.router.all('*', (c) => face.onError(new PlainProblem('not_found', 'Not Found'), c))
  return face
}
