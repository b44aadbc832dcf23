/**
 * The API of the appliance: its URL space in one screen. The checks that a request passes before a route sees it are in
 * access.ts, which knows the same paths from paths.ts.
 */
import type { MiddlewareHandler } from 'hono'
import { Problem } from '../../src/model/errors.ts'
import { type Face, newFace } from '../http/endpoint.ts'
import type { HttpEnv } from '../http/router.ts'
import { guard } from './access.ts'
import { backupRoutes } from './backup.ts'
import { certsRoutes } from './certs.ts'
import { docsRoute } from './docs.ts'
import { headerText, messageOf, newErrorBody } from './errors.ts'
import { informationRoutes } from './information.ts'
import { licenseRoutes } from './license.ts'
import { metricsRoute } from './metrics.ts'
import { prefix } from './paths.ts'
import type { ApplianceServices } from './services.ts'
import { settingsRoutes } from './settings.ts'
import { setupRoute } from './setup.ts'
import { supportRoutes } from './support.ts'
import { updateRoutes } from './update.ts'

/** Mount the face's router at the root of the appliance listener. */
export function applianceRoutes(services: ApplianceServices): Face {
  const { appliance, log } = services
  const errorBody = newErrorBody(() => (appliance.hasFirstRun() ? appliance.token.isPending : undefined))
  const face = withMessageHeader(newFace({ log, errorBody }))
  face.router.use(safeHeaders)
  face.router.use(`${prefix}/*`, guard(services, face))

  // Paths below /api/v1/admin
  setupRoute(face, services) //        POST      /setup
  informationRoutes(face, services) // GET       /version, /changelog, /build, /health, /services, /endpoints
  supportRoutes(face, services) //     GET       /logs, /debug, /reboot
  settingsRoutes(face, services) //    GET, POST /settings, /storage
  certsRoutes(face, services) //       GET, POST /certs
  licenseRoutes(face, services) //     GET, POST /license
  updateRoutes(face, services) //      GET, POST /update; GET /update/log
  backupRoutes(face, services) //      GET, POST /backup; GET /backup/download, /backup/log; POST /backup/restore
  metricsRoute(face, services) //      GET       /metrics
  docsRoute(face.router, face) //      GET       /docs

  face.router.all('*', (c) => face.onError(new Problem('not_found', ''), c))
  return face
}

/** The message of a failure is also a header, where clients without a JSON parser find it. */
function withMessageHeader(face: Face): Face {
  return {
    ...face,
    onError(error, c) {
      const response = face.onError(error, c)
      const message = error instanceof Problem ? messageOf(error) : undefined
      if (message !== undefined) response.headers.set('error-message', headerText(message))
      return response
    },
  }
}

const headers: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'x-xss-protection': '1',
  'content-security-policy': "default-src 'none'; object-src 'self'; frame-ancestors 'none'",
  // The credentials are in the URL.
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

const safeHeaders: MiddlewareHandler<HttpEnv> = async (c, next) => {
  await next()
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'cache-control' || !c.res.headers.has(name)) c.res.headers.set(name, value)
  }
}
