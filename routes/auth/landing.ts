/** Where a user goes after logging in, and what is at `/`. */
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { guardForm, type Visit, visitOf } from './access.ts'
import { html, json } from './answer.ts'
import { frontPage, homePage } from './pages/home.tsx'
import { textsFor } from './pages/texts.ts'
import { localPath } from './request.ts'
import type { AuthServices } from './services.ts'

/**
 * The path to go to after a login: the requested one if it is on this host, else the home page. An instance whose
 * vault was moved first shows what to do about it.
 */
export async function landingOf(
  { instance, host }: Pick<Visit, 'instance' | 'host'>,
  { instances }: Pick<AuthServices, 'instances'>,
  wanted: string | undefined,
): Promise<string> {
  const settings = await instances.settingsOf(instance)
  if (settings['import_vault'] === true) return '/move/vault'
  return localPath(wanted, host) ?? '/'
}

/** The description of this server. */
export interface AboutServer {
  readonly version: string
}

/** `GET /`: who is logged in and what can be done, or which server this is. */
export function homeRoute(face: Face, services: AuthServices, { version }: AboutServer): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/',
      tag: 'sign in',
      summary: 'Who is logged in, or what runs here',
      answers: { 200: 'A page for browsers, else JSON' },
    },
    async (c) => {
      if (!isBrowser(c))
        return json(200, { hearth: 'Welcome', version, documentation: '/docs', description: '/openapi.json' })
      const host = header(c, 'host') ?? new URL(c.req.url).host
      const front = { texts: textsFor(undefined, header(c, 'accept-language')), version }
      if ((await services.instances.byHost(host)) === undefined) return html(frontPage({ ...front, login: false }))
      const visit = await visitOf(c, services)
      return visit.session === undefined ? html(frontPage({ ...front, login: true })) : showHome(c, visit, services)
    },
  )
}

function isBrowser(c: HttpContext): boolean {
  return (header(c, 'accept') ?? '').includes('text/html')
}

async function showHome(c: HttpContext, visit: Visit, { instances }: AuthServices): Promise<Response> {
  const { instance } = visit
  const settings = await instances.settingsOf(instance)
  const text = (name: string) => (typeof settings[name] === 'string' ? (settings[name] as string) : undefined)
  const guard = guardForm(c, visit)
  const texts = textsFor(instance, header(c, 'accept-language'))
  const page = homePage({
    texts,
    domain: instance.domain,
    guard: guard.token,
    name: text('public_name'),
    mail: text('email'),
    links: [{ href: '/move/data', label: texts.yourData }],
  })
  return html(page, { cookies: [guard.setCookie] })
}
