/**
 * Routes that give bytes or change versions, and whose first name below `/files` is no id (files 4.2, 4.3, 5.4).
 * Declare them before those that have an id in that place.
 */
import type { Face } from '../http/endpoint.ts'
import { archiveRoutes } from './archive.ts'
import { downloadRoute } from './download.ts'
import { linkRoutes } from './link.ts'
import type { FilesServices } from './services.ts'
import { revertRoutes } from './version-revert.ts'

export function downloadRoutes(face: Face, services: FilesServices): void {
  downloadRoute(face, services) // GET    /files/download, /files/download/ID, /files/download/ID/VERSION
  linkRoutes(face, services) //    POST   /files/downloads; GET /files/downloads/SECRET/NAME
  archiveRoutes(face, services) // POST   /files/archive; GET /files/archive/SECRET/NAME
  revertRoutes(face, services) //  POST   /files/revert/ID/VERSION; DELETE /files/versions
}
