/**
 * The page of exports, imports and moves: `/move/data` on the instance's own host, and the whole of the hosts of its settings
 * (`settings.DOMAIN`, `LABEL-settings.REST`), to which mailed links lead.
 */
import { z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { exportAttributes } from '../../src/move/export-document.ts'
import { quotaOf, readManifest, requireRoom } from '../../src/move/manifest.ts'
import { dataPath, instanceHostOf } from '../../src/move/settings-address.ts'
import { checkForm, guardForm, loginLocation, type Visit, visitOf } from '../auth/access.ts'
import { formTarget, html, redirect } from '../auth/answer.ts'
import { errorBody as pageError } from '../auth/errors.ts'
import { messagePage } from '../auth/pages/message.tsx'
import { textsFor } from '../auth/pages/texts.ts'
import { readFields } from '../auth/request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { query } from '../http/query.ts'
import { type HttpContext, type HttpEnv, header, target } from '../http/router.ts'
import { sameSiteOnly } from '../http/same-site.ts'
import { countOrder, requireStaying } from './access.ts'
import { dataPage, exportPage, fragmentScript } from './pages.tsx'
import type { MoveServices } from './services.ts'

const tag = 'move'
const media = 'application/x-www-form-urlencoded'

export function dataRoutes(jsonFace: Face, services: MoveServices): void {
  const { auth, exports, imports, outgoing, clientOf, wizardOf } = services
  const face = jsonFace.withErrorBody(pageError)
  face.router.use(`${dataPath}/*`, sameSiteOnly(face.onError))

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/data',
      summary: 'The page of exports, imports and moves',
      tag,
      answers: { 200: 'A page; the owner who is logged in can do more on it' },
    },
    async (c) => showData(c, await visitOf(c, services)),
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/data/exports',
      summary: 'To the page of the export that a link names',
      tag,
      query: z.object({ link: textParameter().describe('From a mail') }),
      answers: { 303: 'To the page', 404: 'Not the link of an export' },
    },
    async (_c, input) => redirect(`${dataPath}/exports/${identifierIn(input.query.link)}`),
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/move/data/exports/{identifier}',
      summary: 'The page of an export, with links of its parts',
      tag,
      answers: { 200: 'A page', 400: 'Not an identifier', 401: 'Not a valid one', 404: 'The export no longer exists' },
    },
    async (c, { path }) => {
      const { instance, host } = await visitOf(c, services)
      return showExport(c, services, instance, host, path.identifier)
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/data/export',
      summary: 'Ask for an archive of everything, from the form',
      tag,
      body: z.object({ csrf_token: z.string() }),
      bodyMedia: media,
      answers: { 200: 'A page: the link comes by mail', 303: 'Nobody is logged in', 404: 'Asked for too often today' },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      checkForm(c, visit, (await readFields(c))['csrf_token'])
      if (visit.session === undefined) return redirect(loginLocation(c))
      const { instance, host } = visit
      await countOrder(services, instance)
      await exports.order(instance, {
        parts_size: 0,
        max_age: 0,
        contextual_domain: host.toLowerCase(),
        ...(clientOf(c).isSecure ? { secure: true } : {}),
      })
      const texts = textsFor(instance, header(c, 'accept-language'))
      const link = { href: '/', label: texts.back }
      return html(messagePage({ texts, title: texts.yourData, text: texts.exportOrdered, link }))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/data/import',
      summary: 'Replace everything here by an export, from the form',
      tag,
      body: z.object({ link: z.string(), password: z.string(), csrf_token: z.string() }),
      bodyMedia: media,
      answers: {
        303: 'It is under way: to the page that waits for its end',
        401: 'The passphrase is wrong',
        412: 'The link leads to no export that is ready',
        413: 'It does not fit',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const fields = await readFields(c)
      checkForm(c, visit, fields['csrf_token'])
      if (visit.session === undefined) return redirect(loginLocation(c))
      const { instance, client } = visit
      if (!(await auth.login.verify(instance, { clear: fields['password'] ?? '' }, client.address))) {
        return showData(c, visit, textsFor(instance, header(c, 'accept-language')).wrongPassphrase)
      }
      await requireStaying(instance, services)
      const manifest = await readManifest(outgoing, fields['link'] ?? '')
      requireRoom(manifest, quotaOf(instance.document['disk_quota']))
      await imports.order(instance, { manifestUrl: manifest.url, secure: client.isSecure })
      return redirect('/move/importing')
    },
  )

  function showData(c: HttpContext, visit: Visit, error?: string): Response {
    const { instance, session } = visit
    const guard = guardForm(c, visit)
    const wizard = wizardOf(instance)
    const page = dataPage({
      texts: textsFor(instance, header(c, 'accept-language')),
      domain: instance.domain,
      exportsPath: `${dataPath}/exports/`,
      owner: session && { guard: guard.token, canMove: wizard !== undefined, error },
    })
    return html(page, {
      status: error === undefined ? 200 : 401,
      cookies: [guard.setCookie],
      formTargets: wizard === undefined ? [] : [formTarget(wizard.href)],
      script: fragmentScript,
    })
  }
}

/** Serves the hosts of settings. They have no sessions and change nothing. */
export function settingsHosts(services: MoveServices, onError: Face['onError']): MiddlewareHandler<HttpEnv> {
  const { instances } = services
  return async function settingsHosts(c, next) {
    const host = header(c, 'host') ?? new URL(c.req.url).host
    const above = instanceHostOf(host)
    if (above === undefined || (await instances.byHost(host).catch(() => undefined)) !== undefined) return next()
    const instance = await instances.byHost(above).catch(() => undefined)
    if (instance === undefined) return next()
    try {
      return await answer(c, instance, above)
    } catch (error) {
      return onError(error, c)
    }
  }

  async function answer(c: HttpContext, instance: Instance, host: string): Promise<Response> {
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      throw new Problem('method_not_allowed', 'There are only pages here.', { headers: { allow: 'GET, HEAD' } })
    }
    const path = target(c).split('?', 1)[0] ?? ''
    if (path === '/exports') return redirect(`/exports/${identifierIn(query(c).last('link'))}`)
    const identifier = /^\/exports\/([\w=-]+)$/.exec(path.replaceAll(/%3D/gi, '='))?.[1]
    if (identifier !== undefined) return showExport(c, services, instance, host, identifier)
    if (path !== '/') throw new Problem('not_found', 'There is nothing at this path.')
    const texts = textsFor(instance, header(c, 'accept-language'))
    const page = dataPage({ texts, domain: instance.domain, exportsPath: '/exports/' })
    return html(page, { script: fragmentScript })
  }
}

async function showExport(
  c: HttpContext,
  { exports, clientOf }: MoveServices,
  instance: Instance,
  host: string,
  identifier: string,
): Promise<Response> {
  const attributes = exportAttributes(await exports.find(instance, identifier))
  const state = attributes['state'] === 'done' || attributes['state'] === 'error' ? attributes['state'] : 'exporting'
  const listed = attributes['parts_cursors']
  const data = `${clientOf(c).isSecure ? 'https' : 'http'}://${host}/move/exports/data/${identifier}`
  const cursors = Array.isArray(listed) ? listed.map(String) : []
  const links = [data, ...cursors.map((cursor) => `${data}?cursor=${encodeURIComponent(cursor)}`)]
  const page = exportPage({
    texts: textsFor(instance, header(c, 'accept-language')),
    domain: instance.domain,
    state,
    links: state === 'done' ? links : [],
    ends: String(attributes['expires_at']).slice(0, 16).replace('T', ' '),
  })
  return html(page, { headers: state === 'exporting' ? { refresh: '10' } : {} })
}

/** @throws Problem `not_found` */
function identifierIn(link: string | undefined): string {
  const identifier = /#\/exports\/([\w=-]+)\s*$/.exec(link ?? '')?.[1]
  if (identifier === undefined) throw new Problem('not_found', 'This is not the link of an export.')
  return identifier
}
