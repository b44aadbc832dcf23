/**
 * Runs before every route of the public listener: redirects visitors of a former domain to the new one, and answers for
 * instances that are blocked or have moved away. It grants nothing: the routes check rights as always.
 */
import type { MiddlewareHandler, Next } from 'hono'
import { decodeJwt } from 'jose'
import { type Door, doorOf } from '../../src/instances/door.ts'
import type { Instance, InstanceAdministration, Instances } from '../../src/instances/service.ts'
import type { ClientOf } from '../http/client.ts'
import { type HttpContext, type HttpEnv, header, target } from '../http/router.ts'
import { tokenOf } from '../http/tenant.ts'
import { html, json, redirect } from './answer.ts'
import { messagePage } from './pages/message.tsx'
import { type Texts, textsFor } from './pages/texts.ts'

export interface DoorServices {
  readonly instances: Pick<Instances, 'byHost' | 'peekHost'> &
    Pick<InstanceAdministration, 'byFormerHost' | 'settingsOf'>
  readonly clientOf: ClientOf
}

/** About the server, not about an instance: these answer for any host. */
const ownPaths = /^\/(?:healthz|readyz|version|status|connection_check|openapi\.json|docs)(?:[/?]|$)/
/** Open while an instance is blocked: its owner must be able to see why. */
const openPaths = /^\/(?:settings|auth)(?:[/?]|$)/
/** The form would be useless while everything it gives access to is being replaced. */
const loginPath = /^\/auth\/login(?:[/?]|$)/
const movePaths = /^\/move\//

export function doorkeeper({ instances, clientOf }: DoorServices): MiddlewareHandler<HttpEnv> {
  return (c, next) => {
    const host = header(c, 'host') ?? new URL(c.req.url).host
    const known = instances.peekHost(host)
    return known !== undefined && doorOf(known).kind === 'open' ? next() : decide(c, next, host)
  }

  async function decide(c: HttpContext, next: Next, host: string): Promise<Response | undefined> {
    const instance = await instances.byHost(host).catch(() => undefined)
    if (instance === undefined) {
      if (ownPaths.test(target(c))) return pass(next)
      const moved = await formerly(host)
      return moved === undefined ? pass(next) : sendOn(c, moved)
    }
    const door = doorOf(instance)
    if (door.kind === 'open') return pass(next)
    const path = target(c)
    if (ownPaths.test(path) || isCliToken(tokenOf(c))) return pass(next)
    if (openPaths.test(path) && !(isImporting(door) && isBrowser(c) && loginPath.test(path))) return pass(next)
    if (movePaths.test(path) && (door.kind === 'moved' || isImporting(door))) return pass(next)
    return door.kind === 'moved'
      ? answerMoved(c, instance)
      : answerBlocked(c, instance, door, `${originOf(c, host)}/move/importing`)
  }

  /** The domain that replaced a former one; for a subdomain, the same label in front of the new one. */
  async function formerly(host: string): Promise<string | undefined> {
    const found = await instances.byFormerHost(host).catch(() => undefined)
    if (found !== undefined) return found.domain
    const dot = host.indexOf('.')
    if (dot < 0) return undefined
    const parent = await instances.byFormerHost(host.slice(dot + 1)).catch(() => undefined)
    return parent && `${host.slice(0, dot)}.${parent.domain}`
  }

  function sendOn(c: HttpContext, domain: string): Response {
    return redirect(`${originOf(c, domain)}${target(c)}`, { status: 308 })
  }

  function originOf(c: HttpContext, host: string): string {
    return `${clientOf(c).isSecure ? 'https' : 'http'}://${host}`
  }

  async function answerMoved(c: HttpContext, instance: Instance): Promise<Response> {
    const to = (await instances.settingsOf(instance))['moved_to']
    const address = typeof to === 'string' && /^https?:\/\//.test(to) ? to : undefined
    if (isBrowser(c) && tokenOf(c) === undefined) {
      const texts = textsFor(instance, header(c, 'accept-language'))
      const link = address === undefined ? {} : { link: { href: address, label: address } }
      return html(messagePage({ texts, title: texts.moved, text: texts.movedText, ...link }), { status: 410 })
    }
    const error = {
      status: '410',
      title: 'Cozy has been moved',
      code: 'moved',
      detail: 'The Cozy has been moved to a new address',
      source: {},
      ...(address === undefined ? {} : { links: { related: address } }),
    }
    return json(410, { errors: [error] }, { headers: { 'content-type': 'application/vnd.api+json' } })
  }
}

async function pass(next: Next): Promise<undefined> {
  await next()
}

function isImporting(door: Door): boolean {
  return door.kind === 'blocked' && door.reason === 'importing'
}

/** The token's own claims. A forged token is refused by the route. */
function isCliToken(token: string | undefined): boolean {
  if (token === undefined) return false
  try {
    return decodeJwt(token).aud === 'cli'
  } catch {
    return false
  }
}

function answerBlocked(
  c: HttpContext,
  instance: Instance,
  { reason }: Extract<Door, { kind: 'blocked' }>,
  waitingPage: string,
): Response {
  const status = reason === 'payment' ? 402 : 503
  const texts = textsFor(instance, header(c, 'accept-language'))
  const page = () => html(messagePage({ texts, title: texts.blocked, text: blockedText(texts, reason) }), { status })
  if (reason === 'login') return page()
  if (reason === 'importing') {
    if (isBrowser(c)) return redirect(waitingPage, { status: 302 })
    return json(503, { error: texts.blockedImporting }, { headers: { 'retry-after': '30' } })
  }
  if (isBrowser(c)) return page()
  const error = {
    status: `${status}`,
    title: 'Blocked',
    code: 'UNKNOWN',
    detail: blockedText(texts, reason),
    source: {},
  }
  return json(status, [error])
}

function blockedText(texts: Texts, reason: 'login' | 'payment' | 'importing' | 'other'): string {
  switch (reason) {
    case 'login':
      return texts.blockedLogin
    case 'payment':
      return texts.blockedPayment
    case 'importing':
      return texts.blockedImporting
    case 'other':
      return texts.blockedOther
  }
}

function isBrowser(c: HttpContext): boolean {
  return (header(c, 'accept') ?? '').includes('text/html')
}
