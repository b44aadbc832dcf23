import type { FilesServices } from '../files/services.ts'
import type { Face } from '../http/endpoint.ts'
import { capabilitiesRoute } from './capabilities.ts'
import { diskUsageRoute } from './disk-usage.ts'

/** What of the settings speaks of files: they share the face, its JSON-API and its failures. */
export function settingsRoutes(face: Face, services: FilesServices): void {
  diskUsageRoute(face, services) //    GET /settings/disk-usage
  capabilitiesRoute(face, services) // GET /settings/capabilities
}
