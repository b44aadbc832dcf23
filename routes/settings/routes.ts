import type { FilesServices } from '../files/services.ts'
import type { Face } from '../http/endpoint.ts'
import { capabilitiesRoute } from './capabilities.ts'
import { diskUsageRoute } from './disk-usage.ts'
import { movedFromRoute } from './moved-from.ts'

/** Settings share the face of files, its JSON-API and its failures. */
export function settingsRoutes(face: Face, services: FilesServices): void {
  diskUsageRoute(face, services) //    GET /settings/disk-usage
  capabilitiesRoute(face, services) // GET /settings/capabilities
  movedFromRoute(face, services) //    DELETE /settings/instance/moved_from
}
