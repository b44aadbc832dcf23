/** Export, import and move: their URL space in one screen. `exports/data/ID` comes before `exports/ID`. */
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { betweenRoutes } from './between.ts'
import { confirmRoutes } from './confirm.ts'
import { dataRoutes } from './data-page.ts'
import { errorBody } from './errors.ts'
import { exportRoutes } from './exports.ts'
import { importRoutes } from './imports.ts'
import { precheckRoute } from './precheck.ts'
import type { MoveServices } from './services.ts'
import { vaultRoute } from './vault.ts'
import { waitingRoutes } from './waiting.ts'
import { wizardRoutes } from './wizard.ts'

export function moveRoutes(services: MoveServices): Face {
  const { log, expiredStatus } = services
  const face = newFace({ log, errorBody, media: 'application/vnd.api+json', invalidTokenStatus: expiredStatus })
  exportRoutes(face, services) // POST /move/exports; GET /move/exports/data/ID, /move/exports/ID
  precheckRoute(face, services) // POST /move/imports/precheck
  importRoutes(face, services) // POST /move/imports
  betweenRoutes(face, services) // POST /move/importing, /move/finalize, /move/abort
  wizardRoutes(face, services) // POST /move/initialize; GET /move/authorize
  confirmRoutes(face, services) // POST /move/request; GET /move/go
  dataRoutes(face, services) // GET /move/data, /move/data/exports, /move/data/exports/ID; POST /move/data/export, /move/data/import
  vaultRoute(face, services) // GET /move/vault
  waitingRoutes(face, services) // GET /move/importing, /move/importing/realtime
  refuseOtherMethods(face)
  return face
}
