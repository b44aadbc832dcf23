/** `/auth/authorize/move`: the owner of an instance agrees that what moves here replaces everything. */
import { z } from '@hono/zod-openapi'
import { asksPasscode } from '../../src/auth/login.ts'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { moveScope } from '../../src/move/source.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { checkForm, guardForm, type Visit, visitOf } from './access.ts'
import { formTarget, html, json, redirect } from './answer.ts'
import { movePage } from './pages/move.tsx'
import { textsFor } from './pages/texts.ts'
import { readFields, wantsJson } from './request.ts'
import type { AuthServices } from './services.ts'

const tag = 'OAuth'
const asked = {
  state: z.string().optional(),
  client_id: z.string().optional(),
  redirect_uri: z.string().optional().describe('Equal to one that the client registered'),
} as const

interface Wish {
  readonly state: string
  readonly clientId: string
  readonly redirectUri: string
}

export function authorizeMoveRoutes(face: Face, services: AuthServices): void {
  const { auth, usageOf } = services

  /** @throws Problem `bad_request`: nothing is sent to an address that the client has not registered */
  async function wishOf(instance: Instance, query: Readonly<Record<string, string | undefined>>): Promise<Wish> {
    const { state = '', client_id: clientId = '' } = query
    const redirectUri = query['redirect_uri'] ?? query['redirect'] ?? ''
    if (state === '') throw new Problem('bad_request', 'The state parameter is mandatory')
    const client = await auth.clients.find(instance, clientId)
    if (client === undefined) throw new Problem('bad_request', 'The client must be registered')
    if (!client.redirectUris.includes(redirectUri) || !/^https?:\/\/[!-~]+$/.test(redirectUri)) {
      throw new Problem('bad_request', "The redirect_uri doesn't match the registered ones")
    }
    return { state, clientId, redirectUri }
  }

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/authorize/move',
      tag,
      summary: 'Ask the owner, with the passphrase, whether the instance may be replaced by one that moves here',
      query: z.object(asked),
      answers: { 200: 'A page, also for who is logged in', 400: 'The request is wrong' },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      return showForm(c, visit, await wishOf(visit.instance, query))
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/authorize/move',
      tag,
      summary: 'The answer of the owner',
      body: z.object({
        ...asked,
        redirect: z.string().optional().describe('Instead of redirect_uri'),
        passphrase: z.string().optional().describe('Hashed by the client, base64'),
        password: z.string().optional().describe('In clear, from the form'),
        two_factor_token: z.string().optional(),
        two_factor_passcode: z.string().optional(),
        csrf_token: z.string(),
      }),
      bodyMedia: 'application/x-www-form-urlencoded',
      answers: {
        200: z.object({ redirect: z.string() }).describe('For clients that read JSON'),
        303: 'To the client with a code; for browsers',
        400: 'The request is wrong',
        401: 'The passphrase or the mailed code is wrong',
        403: 'The form is too old or foreign',
        429: 'Too many attempts; `Retry-After` says when',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const fields = await readFields(c)
      checkForm(c, visit, fields['csrf_token'])
      const { instance, client } = visit
      const wish = await wishOf(instance, fields)
      const token = fields['two_factor_token'] ?? ''
      if (token === '') {
        const passphrase =
          fields['password'] === undefined ? { hashed: fields['passphrase'] ?? '' } : { clear: fields['password'] }
        if (!(await auth.login.verify(instance, passphrase, client.address))) return refuse(c, visit, wish)
        if (asksPasscode(instance)) return showForm(c, visit, wish, { token: await auth.login.askPasscode(instance) })
      } else {
        const attempt = { token, passcode: fields['two_factor_passcode'] ?? '', address: client.address }
        if (!(await auth.login.checkPasscode(instance, attempt))) return refuse(c, visit, wish, token)
      }
      const { clientId, redirectUri, state } = wish
      const code = await auth.oauth.issueCode(instance, { clientId, redirectUri, scope: moveScope })
      const { used, quota, vault } = await usageOf(instance)
      const location = new URL(redirectUri)
      const members = {
        state,
        code,
        vault: `${vault}`,
        used: `${used}`,
        ...(quota === undefined ? {} : { quota: `${quota}` }),
      }
      for (const [name, value] of Object.entries(members)) location.searchParams.set(name, value)
      return wantsJson(c) ? json(200, { redirect: location.href }) : redirect(location.href)
    },
  )

  function refuse(c: HttpContext, visit: Visit, wish: Wish, token?: string): Response {
    const texts = textsFor(visit.instance, header(c, 'accept-language'))
    if (wantsJson(c)) return json(401, { error: 'The password you entered is incorrect, please try again.' })
    const error = token === undefined ? texts.wrongPassphrase : texts.wrongPasscode
    return showForm(c, visit, wish, { status: 401, error, token })
  }
}

interface Form {
  readonly status?: number
  readonly error?: string
  /** Of the second factor, which is asked for now. */
  readonly token?: string | undefined
}

function showForm(c: HttpContext, visit: Visit, wish: Wish, { status = 200, error, token }: Form = {}): Response {
  const guard = guardForm(c, visit)
  const target = formTarget(wish.redirectUri)
  const page = movePage({
    texts: textsFor(visit.instance, header(c, 'accept-language')),
    domain: visit.instance.domain,
    guard: guard.token,
    destination: target,
    fields: { state: wish.state, client_id: wish.clientId, redirect: wish.redirectUri, two_factor_token: token },
    asksPasscode: token !== undefined,
    error,
  })
  return html(page, { status, cookies: [guard.setCookie], formTargets: [target] })
}
