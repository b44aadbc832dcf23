/** OAuth's two ends: the page where a user agrees (`/auth/authorize`), and the exchange of codes and refresh tokens for tokens. */
import { z } from '@hono/zod-openapi'
import type { Client } from '../../src/auth/clients.ts'
import { checkClientScope } from '../../src/auth/oauth.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseScope } from '../../src/permissions/scope.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { instanceOf } from '../http/tenant.ts'
import { checkForm, guardForm, loginLocation, type Visit, visitOf } from './access.ts'
import { formTarget, html, json, redirect } from './answer.ts'
import { cookie } from './cookies.ts'
import { newSession } from './login.ts'
import { confirmScopePage } from './pages/authorize.tsx'
import { textsFor } from './pages/texts.ts'
import { readFields } from './request.ts'
import type { AuthServices } from './services.ts'

const tag = 'OAuth'
const asked = {
  client_id: z.string().optional(),
  redirect_uri: z.string().optional().describe('Equal to one that the client registered'),
  state: z.string().optional(),
  response_type: z.string().optional().describe('`code`'),
  scope: z.string().optional().describe('Permission rules, separated by spaces'),
  code_challenge: z.string().optional().describe('PKCE, RFC 7636'),
  code_challenge_method: z.string().optional().describe('`S256`'),
} as const
const Asked = z.object(asked)
type Asked = z.infer<typeof Asked>

const tokens = z.object({
  token_type: z.string(),
  scope: z.string(),
  access_token: z.string(),
  refresh_token: z.string(),
})

/** A request that has been validated. */
interface Wish {
  readonly client: Client
  readonly redirectUri: string
  readonly state: string
  readonly scope: string
  readonly challenge: string | undefined
}

export function authorizeRoutes(face: Face, services: AuthServices): void {
  const { auth, instances, clientOf } = services

  async function wishOf({ instance }: Visit, asked: Asked): Promise<Wish> {
    const client = await auth.clients.find(instance, asked.client_id ?? '')
    if (client === undefined) throw new Problem('bad_request', 'The client must be registered')
    const redirectUri = asked.redirect_uri ?? ''
    // Byte for byte: a similar address may belong to someone else.
    if (!client.redirectUris.includes(redirectUri) || !/^[!-~]+$/.test(redirectUri)) {
      throw new Problem('bad_request', "The redirect_uri doesn't match the registered ones")
    }
    if ((asked.response_type ?? 'code') !== 'code') throw new Problem('bad_request', 'Invalid response type')
    if (asked.state === undefined || asked.state === '')
      throw new Problem('bad_request', 'The state parameter is mandatory')
    const scope = asked.scope ?? ''
    checkClientScope(scope)
    const challenge = asked.code_challenge || undefined
    if (challenge !== undefined && (asked.code_challenge_method !== 'S256' || !/^[\w-]{43}$/.test(challenge))) {
      throw new Problem('bad_request', 'The code_challenge is base64url of SHA-256 and its method S256')
    }
    return { client, redirectUri, state: asked.state, scope, challenge }
  }

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/authorize',
      tag,
      summary: 'Ask the person whether a client may have a scope',
      query: z.object({ ...asked, session_code: z.string().optional().describe('Logs in first') }),
      answers: {
        200: 'A page',
        303: 'Nobody is logged in',
        400: 'The request is wrong: nothing is sent to the client',
      },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      const wish = await wishOf(visit, query)
      if (query.session_code !== undefined && visit.session === undefined) {
        const outcome = await auth.login.withSessionCode(visit.instance, query.session_code, newSession(visit))
        if (outcome.kind === 'session') {
          const { session_code: _, ...rest } = query
          const present = Object.entries(rest).filter((entry): entry is [string, string] => entry[1] !== undefined)
          const value = cookie('hearth-session', outcome.cookie, { ...visit.client, keep: true })
          return redirect(`/auth/authorize?${new URLSearchParams(present)}`, { cookies: [value] })
        }
      }
      return visit.session === undefined ? redirect(loginLocation(c)) : showConfirm(c, visit, wish)
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/authorize',
      tag,
      summary: 'The answer of the person',
      body: Asked.extend({ decision: z.string(), csrf_token: z.string() }),
      bodyMedia: 'application/x-www-form-urlencoded',
      answers: {
        302: 'To the client, with a code or `error=access_denied`',
        400: 'The request is wrong',
        403: 'Foreign form',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const fields = await readFields(c)
      checkForm(c, visit, fields['csrf_token'])
      if (visit.session === undefined) throw new Problem('unauthorized', 'You must be authenticated')
      const wish = await wishOf(visit, fields as Asked)
      if (fields['decision'] === 'deny') return backTo(wish, { error: 'access_denied' })
      const code = await auth.oauth.issueCode(visit.instance, {
        clientId: wish.client.id,
        redirectUri: wish.redirectUri,
        scope: wish.scope,
        ...(wish.challenge === undefined ? {} : { challenge: wish.challenge }),
      })
      return backTo(wish, { code })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/access_token',
      tag,
      summary: 'Exchange an authorization code or a refresh token for tokens',
      body: z.object({
        grant_type: z.string().describe('`authorization_code` or `refresh_token`'),
        client_id: z.string(),
        client_secret: z.string(),
        code: z.string().optional(),
        code_verifier: z.string().optional(),
        redirect_uri: z.string().optional(),
        refresh_token: z.string().optional(),
      }),
      bodyMedia: 'application/x-www-form-urlencoded',
      answers: { 200: tokens, 400: z.object({ error: z.string() }), 429: 'Too many wrong attempts' },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const fields = await readFields(c)
      const wrong = { limit: 'wrongCode', key: `${instance.prefix} ${clientOf(c).address}` } as const
      await auth.limits.check(wrong)
      const client = { clientId: fields['client_id'] ?? '', clientSecret: fields['client_secret'] ?? '' }
      try {
        switch (fields['grant_type']) {
          case 'authorization_code':
            return json(
              200,
              await auth.oauth.exchangeCode(instance, {
                ...client,
                code: fields['code'] ?? '',
                verifier: fields['code_verifier'],
                redirectUri: fields['redirect_uri'],
              }),
            )
          case 'refresh_token':
            return json(
              200,
              await auth.oauth.refresh(instance, { ...client, refreshToken: fields['refresh_token'] ?? '' }),
            )
          default:
            throw new Problem('bad_request', 'invalid grant type')
        }
      } catch (error) {
        if (error instanceof Problem && error.status === 400) await auth.limits.count(wrong)
        throw error
      }
    },
  )
}

function showConfirm(c: HttpContext, visit: Visit, wish: Wish): Response {
  const { instance } = visit
  const guard = guardForm(c, visit)
  const isOfApp = wish.scope.startsWith('@')
  const page = confirmScopePage({
    texts: textsFor(instance, header(c, 'accept-language')),
    domain: instance.domain,
    guard: guard.token,
    action: '/auth/authorize',
    client: wish.client.name,
    destination: formTarget(wish.redirectUri),
    rules: isOfApp ? [] : parseScope(wish.scope),
    scope: wish.scope,
    fields: {
      client_id: wish.client.id,
      redirect_uri: wish.redirectUri,
      state: wish.state,
      scope: wish.scope,
      response_type: 'code',
      code_challenge: wish.challenge,
      code_challenge_method: wish.challenge && 'S256',
    },
  })
  return html(page, { cookies: [guard.setCookie], formTargets: [formTarget(wish.redirectUri)] })
}

/** Back to the client. The fragment keeps a browser from carrying one of ours along. */
function backTo({ redirectUri, state }: Wish, members: Readonly<Record<string, string>>): Response {
  const query = new URLSearchParams({ ...members, state })
  return redirect(`${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${query}#`, { status: 302 })
}
