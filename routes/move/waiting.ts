/** Where the owner waits for the end of an import: a page that looks again by itself, and a websocket that tells once. */
import { WebSocket, WebSocketServer } from 'ws'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { SwitchingProtocols, type Upgrade } from '../../src/upgrade.ts'
import { html } from '../auth/answer.ts'
import { messagePage } from '../auth/pages/message.tsx'
import { type Texts, textsFor } from '../auth/pages/texts.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { instanceOf } from '../http/tenant.ts'
import { hostOf } from './access.ts'
import type { MoveServices } from './services.ts'

const subprotocol = 'io.cozy.websocket'
/** Milliseconds between looks whether it is over, and between pings. */
const lookMs = 1_000
const pingMs = 54_000
/** Open sockets of this process: nobody is asked who they are. */
const maxSockets = 1_000

export function waitingRoutes(face: Face, services: MoveServices): void {
  const { imports, instances, clientOf, stopping } = services
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    maxPayload: 1_024,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  })
  stopping.addEventListener('abort', () => {
    for (const socket of sockets.clients) socket.terminate()
  })

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/importing',
      summary: 'The page that waits for the end of an import',
      tag: 'move',
      answers: { 200: 'The page: it looks again by itself, and leads to the login at the end' },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const texts = textsFor(instance, header(c, 'accept-language'))
      if (await imports.isUnderWay(instance)) {
        const page = messagePage({ texts, ...(await waitingTexts(instance, texts)) })
        return html(page, { headers: { refresh: '5' } })
      }
      const link = { href: loginOf(c), label: texts.logIn }
      const page = messagePage({ texts, title: texts.imported, text: texts.importedText, link })
      return html(page, { headers: { refresh: `0; url=${link.href}` } })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/importing/realtime',
      summary: 'Open a websocket (subprotocol io.cozy.websocket) that says once where to go when an import is over',
      tag: 'move',
      headers: { Upgrade: 'websocket' },
      answers: { 101: 'One message, {"redirect": URL}, and the end', 426: 'Not a request for a websocket' },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const { incoming, upgrade } = c.env ?? {}
      if (incoming === undefined || upgrade === undefined) {
        throw new Problem('bad_request', 'This is a websocket.', {
          status: 426,
          headers: { upgrade: 'websocket', connection: 'Upgrade' },
        })
      }
      if (sockets.clients.size >= maxSockets || stopping.aborted) {
        throw new Problem('store_unavailable', 'There are too many who wait.')
      }
      const redirectTo = loginOf(c)
      sockets.handleUpgrade(incoming, upgrade.socket as Upgrade['socket'], upgrade.head, (socket) =>
        tellTheEnd(socket, instance, redirectTo),
      )
      return new SwitchingProtocols()
    },
  )

  async function waitingTexts(instance: Instance, texts: Texts): Promise<{ title: string; text: string }> {
    if (instance.document['blocking_reason'] !== 'MOVING')
      return { title: texts.importing, text: texts.blockedImporting }
    const { moved_to: to, moved_from: from } = await instances.settingsOf(instance)
    if (typeof to === 'string') return { title: texts.moving, text: texts.movingAwayText(to) }
    return { title: texts.moving, text: texts.movingText(typeof from === 'string' ? from : '?') }
  }

  function loginOf(c: HttpContext): string {
    return `${clientOf(c).isSecure ? 'https' : 'http'}://${hostOf(c)}/auth/login`
  }

  function tellTheEnd(socket: WebSocket, { domain }: Instance, redirectTo: string): void {
    let answered = true
    socket.on('pong', () => {
      answered = true
    })
    socket.on('error', () => socket.terminate())
    const pings = setInterval(() => {
      if (!answered) return socket.terminate()
      answered = false
      socket.ping()
    }, pingMs)
    let timer: NodeJS.Timeout | undefined
    const look = async () => {
      const instance = await instances.byHost(domain).catch(() => undefined)
      const goesOn = instance !== undefined && (await imports.isUnderWay(instance).catch(() => true))
      if (socket.readyState !== WebSocket.OPEN) return
      if (goesOn) timer = setTimeout(() => void look(), lookMs)
      else socket.send(JSON.stringify({ redirect: redirectTo }), () => socket.close(1000))
    }
    socket.on('close', () => {
      clearInterval(pings)
      clearTimeout(timer)
    })
    void look()
  }
}
