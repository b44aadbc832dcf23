/** Applications and konnectors: their URL space in one screen. */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { mediaType } from './answer.ts'
import { appRoutes } from './apps.ts'
import { errorBody } from './errors.ts'
import type { AppsServices } from './services.ts'

export function appsRoutes(services: AppsServices): Face {
  const { log, expiredStatus } = services
  const face = newFace({ log, errorBody, media: mediaType, invalidTokenStatus: expiredStatus })
  appRoutes(face, 'apps', services) //       GET /apps; GET, POST, DELETE /apps/SLUG
  appRoutes(face, 'konnectors', services) // GET /konnectors; GET, POST, DELETE /konnectors/SLUG
  refuseOtherMethods(face)
  return face
}
