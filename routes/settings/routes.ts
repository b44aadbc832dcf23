/** The settings API under `/settings`: its URL space in one screen. */
import { mediaType } from '../files/answer.ts'
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { capabilitiesRoute } from './capabilities.ts'
import { diskUsageRoute } from './disk-usage.ts'
import { errorBody } from './errors.ts'
import { movedFromRoute } from './moved-from.ts'
import type { SettingsServices } from './services.ts'

/** Mount the router at the root: its paths are whole. */
export function settingsRoutes(services: SettingsServices): Face {
  const { log, expiredStatus: invalidTokenStatus } = services
  const face = newFace({ log, errorBody, media: mediaType, invalidTokenStatus })
  diskUsageRoute(face, services) //    GET /settings/disk-usage
  capabilitiesRoute(face, services) // GET /settings/capabilities
  movedFromRoute(face, services) //    DELETE /settings/instance/moved_from
  refuseOtherMethods(face)
  return face
}
