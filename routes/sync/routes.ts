/** The sync API: its URL space in one screen. 1.0 is what old clients speak; everything newer is 1.1. */
import { Problem } from '../../src/model/errors.ts'
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { syncAccess } from './access.ts'
import { usualHeaders } from './answer.ts'
import { conflictRoutes } from './conflicts.ts'
import { contentRoute } from './content.ts'
import { entryRoutes } from './entries.ts'
import { errorBody } from './errors.ts'
import { eventRoutes } from './events.ts'
import { fileRoutes } from './files.ts'
import { jobRoutes } from './jobs.ts'
import { manageRoutes } from './manage.ts'
import { ruleRoutes } from './rules.ts'
import type { SyncServices } from './services.ts'
import { trashRoutes } from './trash.ts'

/** Mount the face's router at the root of the sync listener. */
export function syncRoutes(services: SyncServices): Face {
  const face = newFace({ log: services.log, errorBody, headers: usualHeaders })
  face.router.use(syncAccess(services, face.onError))
  face.router.options('*', () => {
    const allow = 'GET, HEAD, PUT, POST, DELETE, OPTIONS'
    return new Response(null, { status: 204, headers: { allow, ...usualHeaders } })
  })

  fileRoutes(face, services) //     GET      /api/v1.0/files, /files/id/NAME, /files/FID/metadata
  entryRoutes(face, services) //    GET, PUT /api/v1.0/entries, /entries/NAME[/status, /stats, /stop, /start, /restart]
  ruleRoutes(face, services) //     GET, PUT /api/v1.0/rules, /rules/reload

  manageRoutes(face, services) //   /api/v1.1/status, /drivers, /issues, /entries[/NAME[/scan, /check, /confirm]]
  jobRoutes(face, services) //      /api/v1.1/jobs[/FID/ENTRY/retry, /cancel]
  conflictRoutes(face, services) // /api/v1.1/conflicts[/FID/resolve]
  trashRoutes(face, services) //    /api/v1.1/trash[/KEY[/restore]]
  contentRoute(face, services) //   /api/v1.1/files/FID/content
  eventRoutes(face, services) //    /api/v1.1/events
  refuseOtherMethods(face)

  face.router.all('*', (c) => face.onError(new Problem('not_found', 'route not found'), c))
  return face
}
