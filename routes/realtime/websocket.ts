/** `GET /realtime`: becomes a websocket. */
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import { instanceOf } from '../http/tenant.ts'
import type { Gateway } from './gateway.ts'
import type { RealtimeServices } from './services.ts'

export function websocketRoute(
  face: Face,
  { instances }: Pick<RealtimeServices, 'instances'>,
  gateway: Pick<Gateway, 'accept' | 'isClosing'>,
): void {
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
      const instance = await instanceOf(c, instances)
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
}
