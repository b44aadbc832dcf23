/** Where a wizard that leads an owner through a move learns of the instance to move from. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import type { InstanceUsage } from '../../src/move/requests.ts'
import { loginLocation, visitOf } from '../auth/access.ts'
import { redirect } from '../auth/answer.ts'
import { errorBody as pageError } from '../auth/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { sameSiteOnly } from '../http/same-site.ts'
import { countOrder } from './access.ts'
import type { MoveServices } from './services.ts'

export function wizardRoutes(jsonFace: Face, services: MoveServices): void {
  const { moves, wizardOf } = services
  const face = jsonFace.withErrorBody(pageError)
  face.router.use(
    '/move/initialize',
    // The page of settings holds the form, too.
    sameSiteOnly(face.onError, hostsOfSettings),
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/initialize',
      summary: 'Begin a move: on to the wizard, with what it needs',
      tag: 'move',
      answers: {
        303: 'Nobody is logged in',
        307: 'To the wizard (move.url)',
        403: 'The form is of another site',
        404: 'No wizard is configured, or asked for too often today',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const { instance, host, client } = visit
      const own = `${client.isSecure ? 'https' : 'http'}://${host}`
      if (visit.session === undefined) {
        const settings = `${client.isSecure ? 'https' : 'http'}://settings.${host}/`
        return redirect(`${own}/auth/login?redirect=${encodeURIComponent(settings)}`)
      }
      const wizard = wizardOf(instance)
      if (wizard === undefined) throw new Problem('not_found', 'This server has no wizard for moves.')
      await countOrder(services, instance)
      const usage = await moves.requests.usage(instance)
      const { clientId, clientSecret, code } = await moves.requests.initialize(instance, wizard)
      const query = new URLSearchParams({
        client_id: clientId,
        client_secret: clientSecret,
        code,
        ...shown(usage),
        cozy_url: `${own}/`,
      })
      // The method stays: the wizard expects a form.
      return redirect(`${new URL('/initialize', wizard).href}?${query}`, { status: 307 })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/authorize',
      summary: 'Choose this instance as the one to move from: back to the wizard, with a code for POST /move/request',
      tag: 'move',
      query: z.object({
        state: textParameter().describe('Given back'),
        redirect_uri: textParameter().describe('Where the wizard waits (http or https)'),
      }),
      answers: {
        302: 'To the wizard',
        303: 'Nobody is logged in',
        400: 'No usable redirect_uri',
        404: 'Asked for too often today',
      },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      if (visit.session === undefined) return redirect(loginLocation(c))
      const target = wizardAddress(query.redirect_uri)
      await countOrder(services, visit.instance)
      const usage = await moves.requests.usage(visit.instance)
      target.searchParams.set('code', await moves.requests.authorize(visit.instance))
      for (const [name, value] of Object.entries(shown(usage))) target.searchParams.set(name, value)
      target.searchParams.set('state', query.state ?? '')
      // The empty fragment keeps a browser from carrying one of ours along.
      target.hash = ''
      return redirect(`${target.href}#`, { status: 302 })
    },
  )
}

/** Hosts of the settings page of an instance. */
function hostsOfSettings(host: string): readonly string[] {
  const [first = '', ...rest] = host.split('.')
  return [`settings.${host}`, `${first}-settings.${rest.join('.')}`]
}

function shown({ used, quota, vault }: InstanceUsage): Record<string, string> {
  return { used: `${used}`, ...(quota === undefined ? {} : { quota: `${quota}` }), vault: `${vault}` }
}

function wizardAddress(text: string | undefined): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new Problem('bad_request', 'bad url: bad scheme')
  return url
}
