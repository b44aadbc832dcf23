/** Logging in and out: `/auth/login`, `/auth/twofactor`, `/auth/magic_link`, `/auth/logout`. */
import { z } from '@hono/zod-openapi'
import type { LoginOutcome } from '../../src/auth/login.ts'
import { withoutPort } from '../../src/instances/domain.ts'
import { saltDomain } from '../../src/instances/password.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { checkForm, guardForm, type Visit, visitOf } from './access.ts'
import { html, json, redirect } from './answer.ts'
import { cookie } from './cookies.ts'
import { landingOf } from './landing.ts'
import { loginPage, passcodePage } from './pages/login.tsx'
import { type Texts, textsFor } from './pages/texts.ts'
import { localPath, readFields, wantsJson } from './request.ts'
import type { AuthServices } from './services.ts'

const tag = 'sign in'
const loginQuery = z.object({
  redirect: z.string().optional().describe('A path of this host to go to afterwards'),
  email_verified_code: z.string().optional().describe('Made by the operator: no code is mailed'),
})

const loginForm = z.object({
  password: z.string().optional().describe('In clear, from the form'),
  passphrase: z.string().optional().describe('Hashed by the client, base64'),
  'long-run-session': z.string().optional(),
  redirect: z.string().optional(),
  email_verified_code: z.string().optional(),
  csrf_token: z.string(),
})

/** The answer to each outcome of a login. */
export function loginRoutes(face: Face, services: AuthServices): void {
  const { auth } = services

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/login',
      tag,
      summary: 'The form that asks for the passphrase',
      query: loginQuery,
      answers: { 200: 'A page', 303: 'Somebody is logged in already', 404: 'No instance has this host' },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      if (visit.session !== undefined) return redirect(await landingOf(visit, services, query.redirect))
      return showLogin(c, visit, services, { redirect: query.redirect, emailVerifiedCode: query.email_verified_code })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/login',
      tag,
      summary: 'Log in with the passphrase',
      body: loginForm,
      bodyMedia: 'application/x-www-form-urlencoded',
      answers: {
        200: z.object({ redirect: z.string() }).describe('For clients that read JSON'),
        303: 'Logged in, or on to the second factor',
        401: 'The passphrase is wrong',
        403: 'The form is too old or foreign',
        429: 'Too many attempts; `Retry-After` says when',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const fields = await readFields(c)
      checkForm(c, visit, fields['csrf_token'])
      const magicCode = fields['magic_code']
      const isMagic = magicCode !== undefined && (await auth.login.isMagicLink(visit.instance, magicCode))
      const outcome = await auth.login.withPassphrase(visit.instance, {
        passphrase:
          fields['password'] === undefined ? { hashed: fields['passphrase'] ?? '' } : { clear: fields['password'] },
        longRun: ['true', 'on', '1'].includes(fields['long-run-session'] ?? 'true'),
        address: visit.client.address,
        userAgent: visit.userAgent,
        formerCookie: visit.sessionCookie,
        emailVerifiedCode: fields['email_verified_code'],
        secondFactorDone: isMagic,
      })
      if (isMagic && outcome.kind === 'session') await auth.codes.spend(visit.instance.prefix, 'magic_link', magicCode)
      return answerOutcome(c, visit, services, outcome, fields['redirect'], (texts) =>
        showLogin(c, visit, services, {
          redirect: fields['redirect'],
          magicCode: isMagic ? magicCode : undefined,
          emailVerifiedCode: fields['email_verified_code'],
          status: 401,
          error: texts.wrongPassphrase,
        }),
      )
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/auth/login',
      tag,
      summary: 'Log out',
      answers: { 204: 'Logged out' },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      await auth.sessions.close(visit.instance, visit.sessionCookie)
      const headers = { 'set-cookie': cookie('hearth-session', '', visit.client), 'cache-control': 'no-store' }
      return new Response(null, { status: 204, headers })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/logout',
      tag,
      summary: 'Log out, from the form',
      body: z.object({ csrf_token: z.string() }),
      bodyMedia: 'application/x-www-form-urlencoded',
      answers: { 303: 'Logged out', 403: 'The form is too old or foreign' },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      checkForm(c, visit, (await readFields(c))['csrf_token'])
      await auth.sessions.close(visit.instance, visit.sessionCookie)
      return redirect('/auth/login', { cookies: [cookie('hearth-session', '', visit.client)] })
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/twofactor',
      tag,
      summary: 'The form that asks for the mailed code',
      query: z.object({ two_factor_token: z.string().optional(), redirect: z.string().optional() }),
      answers: { 200: 'A page' },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      return showPasscode(c, visit, { token: query.two_factor_token ?? '', redirect: query.redirect })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/twofactor',
      tag,
      summary: 'Log in with the mailed code',
      body: z.object({
        'two-factor-token': z.string(),
        'two-factor-passcode': z.string(),
        redirect: z.string().optional(),
        csrf_token: z.string(),
      }),
      bodyMedia: 'application/x-www-form-urlencoded',
      answers: {
        200: z.object({ redirect: z.string() }).describe('For clients that read JSON'),
        303: 'Logged in',
        401: 'The code is wrong or too old',
        403: 'The form is too old or foreign',
        429: 'Too many attempts; `Retry-After` says when',
      },
    },
    async (c) => {
      const visit = await visitOf(c, services)
      const fields = await readFields(c)
      checkForm(c, visit, fields['csrf_token'])
      const token = fields['two-factor-token'] ?? ''
      const outcome = await auth.login.withPasscode(visit.instance, {
        token,
        passcode: fields['two-factor-passcode'] ?? '',
        address: visit.client.address,
        userAgent: visit.userAgent,
        formerCookie: visit.sessionCookie,
      })
      return answerOutcome(c, visit, services, outcome, fields['redirect'], (texts) =>
        showPasscode(c, visit, { token, redirect: fields['redirect'], status: 401, error: texts.wrongPasscode }),
      )
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/auth/magic_link',
      tag,
      summary: 'Log in with a link from a mail',
      query: z.object({ code: z.string().optional(), redirect: z.string().optional() }),
      answers: {
        200: 'The form that asks for the passphrase: the link stands for the second factor',
        303: 'Logged in',
        400: 'This instance has no such links, or the link is not valid any more',
        429: 'Too many attempts; `Retry-After` says when',
      },
    },
    async (c, { query }) => {
      const visit = await visitOf(c, services)
      const code = query.code ?? ''
      const outcome = await auth.login.withMagicLink(visit.instance, code, newSession(visit))
      if (outcome.kind === 'passphrase') {
        return showLogin(c, visit, services, { redirect: query.redirect, magicCode: code })
      }
      return answerOutcome(c, visit, services, outcome, query.redirect, (texts) =>
        showLogin(c, visit, services, { redirect: query.redirect, status: 400, error: texts.linkOver }),
      )
    },
  )
}

/** The options of a new session of this browser, where no form asks whether it should last. */
export function newSession(visit: Visit) {
  return {
    longRun: true,
    address: visit.client.address,
    userAgent: visit.userAgent,
    formerCookie: visit.sessionCookie,
  }
}

async function answerOutcome(
  c: HttpContext,
  visit: Visit,
  services: AuthServices,
  outcome: LoginOutcome,
  wanted: string | undefined,
  wrong: (texts: Texts) => Response | Promise<Response>,
): Promise<Response> {
  const asJson = wantsJson(c)
  if (outcome.kind === 'wrong') {
    const error = 'The credentials you entered are incorrect, please try again.'
    return asJson ? json(401, { error }) : wrong(textsFor(visit.instance, header(c, 'accept-language')))
  }
  if (outcome.kind === 'second_factor') {
    const parameters = new URLSearchParams({ two_factor_token: outcome.token })
    const path = localPath(wanted, visit.host)
    if (path !== undefined) parameters.set('redirect', path)
    const location = `/auth/twofactor?${parameters}`
    return asJson ? json(200, { redirect: absolute(visit, location) }) : redirect(location)
  }
  const location = await landingOf(visit, services, wanted)
  const cookies = [cookie('hearth-session', outcome.cookie, { ...visit.client, keep: outcome.longRun })]
  return asJson ? json(200, { redirect: absolute(visit, location) }, { cookies }) : redirect(location, { cookies })
}

function absolute({ client, host }: Visit, path: string): string {
  return `${client.isSecure ? 'https' : 'http'}://${host}${path}`
}

interface LoginForm {
  readonly redirect?: string | undefined
  readonly magicCode?: string | undefined
  readonly emailVerifiedCode?: string | undefined
  readonly status?: number
  readonly error?: string
}

async function showLogin(c: HttpContext, visit: Visit, { auth }: AuthServices, form: LoginForm): Promise<Response> {
  const { instance, host } = visit
  const guard = guardForm(c, visit)
  const page = loginPage({
    texts: textsFor(instance, header(c, 'accept-language')),
    domain: instance.domain,
    guard: guard.token,
    iterations: await auth.iterationsOf(instance),
    salt: `me@${withoutPort(saltDomain(instance))}`,
    redirect: localPath(form.redirect, host),
    magicCode: form.magicCode,
    emailVerifiedCode: form.emailVerifiedCode,
    error: form.error,
    hasPassphrase: instance.document['passphrase_hash'] !== undefined,
  })
  return html(page, { status: form.status ?? 200, cookies: [guard.setCookie] })
}

function showPasscode(
  c: HttpContext,
  visit: Visit,
  form: {
    readonly token: string
    readonly redirect?: string | undefined
    readonly status?: number
    readonly error?: string
  },
): Response {
  const guard = guardForm(c, visit)
  const page = passcodePage({
    texts: textsFor(visit.instance, header(c, 'accept-language')),
    domain: visit.instance.domain,
    guard: guard.token,
    token: form.token,
    redirect: localPath(form.redirect, visit.host),
    error: form.error,
  })
  return html(page, { status: form.status ?? 200, cookies: [guard.setCookie] })
}
