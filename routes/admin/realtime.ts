/** `GET /realtime`: a websocket that tells operators of exports that they asked for. Basic auth stands for AUTH. */
import type { Instance, Instances } from '../../src/instances/service.ts'
import type { Log } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Permissions } from '../../src/model/permissions.ts'
import { announcements, type Hub } from '../../src/realtime/hub.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import { Gateway } from '../realtime/gateway.ts'
import type { AdminServices } from './services.ts'

/** The doctypes that operators may follow. */
const doctype = 'io.cozy.exports'

/** No real instance: the place of what is announced to operators. */
const nowhere: Instance = { id: announcements, rev: '', domain: '', aliases: [], prefix: announcements, document: {} }

const permissions: Permissions = {
  allowsType: (verb, type) => verb === 'GET' && type === doctype,
  allowsSome: (verb, type) => verb === 'GET' && type === doctype,
  allowsDocument: (verb, type) => verb === 'GET' && type === doctype,
}

const instances: Instances = {
  byHost: async () => nowhere,
  peekHost: () => nowhere,
  authorise: async () => permissions,
}

/** The websockets of the admin listener. */
export function openAnnouncements({ hub, log }: { readonly hub: Hub; readonly log: Log }): Gateway {
  return new Gateway({ hub, instances, log, ancestors: async () => [], token: 'operator' })
}

export function realtimeRoute(face: Face, { announced }: Pick<AdminServices, 'announced'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/realtime',
      summary: 'Open a websocket (subprotocol io.cozy.websocket) for CREATED of io.cozy.exports; no AUTH is needed',
      tag: 'operation',
      needs: 'the admin passphrase',
      headers: { Upgrade: 'websocket' },
      answers: { 101: 'From here on: SUBSCRIBE and UNSUBSCRIBE, and events', 426: 'Not a request for a websocket' },
    },
    (c) => {
      const { incoming, upgrade } = c.env ?? {}
      if (incoming === undefined || upgrade === undefined) {
        throw new Problem('bad_request', 'This is a websocket.', {
          status: 426,
          headers: { upgrade: 'websocket', connection: 'Upgrade' },
        })
      }
      // Browsers send saved credentials with a websocket from any page.
      const origin = header(c, 'origin')
      if (origin !== undefined && origin.replace(/^https?:\/\//, '') !== header(c, 'host')) {
        throw new Problem('forbidden', 'This request came from another site.')
      }
      if (announced.isClosing) throw new Problem('store_unavailable', 'The server is stopping.')
      return announced.accept(incoming, upgrade, announcements, nowhere)
    },
  )
}
