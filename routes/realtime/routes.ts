/** The realtime API: `GET /realtime`, a websocket, and `POST /realtime/T/ID`. */
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face, newFace, refuseOtherMethods } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import { instanceOf } from '../http/tenant.ts'
import { errorBody } from './errors.ts'
import { Gateway } from './gateway.ts'
import { notifyRoute } from './notify.ts'
import type { RealtimeServices } from './services.ts'

export interface RealtimeRoutes extends Face {
  readonly gateway: Gateway
}

/** Mount the router at the root: its paths are whole. */
export function realtimeRoutes(services: RealtimeServices): RealtimeRoutes {
  const { log, expiredStatus: invalidTokenStatus } = services
  const face = newFace({ log, errorBody, media: 'application/vnd.api+json', invalidTokenStatus })
  const gateway = new Gateway(services)

  endpoint(
    face,
    {
      method: 'GET',
      path: '/realtime',
      summary: 'Open a websocket (subprotocol io.cozy.websocket) for events; its first message carries the token',
      tag: 'realtime',
      headers: { Upgrade: 'websocket' },
      answers: {
        101: 'From here on: AUTH, SUBSCRIBE and UNSUBSCRIBE from the client, events and errors from the server',
        404: 'No such instance',
        426: 'Not a request for a websocket',
      },
    },
    async (c) => {
      const { incoming, upgrade } = c.env ?? {}
      const instance = await instanceOf(c, services.instances)
      if (incoming === undefined || upgrade === undefined) {
        throw new Problem('bad_request', 'This is a websocket.', {
          status: 426,
          headers: { upgrade: 'websocket', connection: 'Upgrade' },
        })
      }
      if (gateway.isClosing) throw new Problem('store_unavailable', 'The server is stopping.')
      return gateway.accept(incoming, upgrade, header(c, 'host') ?? '', instance)
    },
  )
  notifyRoute(face, services)
  refuseOtherMethods(face)
  face.router.all('/realtime/*', (c) => face.onError(new Problem('not_found', 'There is nothing at this path.'), c))
  return { ...face, gateway }
}
