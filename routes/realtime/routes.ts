/** The realtime API under `/realtime`: its URL space in one screen. */
import { Problem } from '../../src/model/errors.ts'
import { type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { errorBody } from './errors.ts'
import { Gateway } from './gateway.ts'
import { notifyRoute } from './notify.ts'
import type { RealtimeServices } from './services.ts'
import { websocketRoute } from './websocket.ts'

export interface RealtimeRoutes extends Face {
  readonly gateway: Gateway
}

/** Mount the router at the root: its paths are whole. */
export function realtimeRoutes(services: RealtimeServices): RealtimeRoutes {
  const { log, expiredStatus: invalidTokenStatus } = services
  const face = newFace({ log, errorBody, media: 'application/vnd.api+json', invalidTokenStatus })
  const gateway = new Gateway(services)

  websocketRoute(face, services, gateway) // GET   /realtime, a websocket
  notifyRoute(face, services) //             POST  /realtime/T/ID
  refuseOtherMethods(face)
  face.router.all('/realtime/*', (c) => face.onError(new Problem('not_found', 'There is nothing at this path.'), c))
  return { ...face, gateway }
}
