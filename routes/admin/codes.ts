/** Codes that sign the owner of an instance in, how the instance asks for its owner, and the end of all sessions. */
import { z } from '@hono/zod-openapi'
import { newCode } from '../../src/auth/codes.ts'
import { asksPasscode, noMagicLinks } from '../../src/auth/login.ts'
import { authModes } from '../../src/instances/changes.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json, noContent } from './answer.ts'
import { HandlerProblem } from './errors.ts'
import { readObject, readOptionalObject } from './request.ts'
import type { AdminServices } from './services.ts'

const tag = 'sign in'
const needs = 'the admin passphrase'
const noInstance = { 404: 'No such instance', 422: 'Not a domain' } as const

export function codeRoutes(
  face: Face,
  { instances, auth, log }: Pick<AdminServices, 'instances' | 'auth' | 'log'>,
): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/magic_link',
      tag,
      needs,
      summary: 'Make a code for a link that logs in: 15 minutes, once',
      answers: { 200: z.object({ code: z.string() }), 400: 'The instance has no such links', ...noInstance },
    },
    async (_c, { path }) => {
      const instance = await instances.find(path.domain)
      if (instance.document['magic_link'] !== true) throw new HandlerProblem('bad_request', noMagicLinks().reason)
      const code = await auth.codes.issue(instance.prefix, 'magic_link', {}, newCode())
      log.info('made a magic link code', { instance: instance.domain })
      return json(200, { code })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/session_code',
      tag,
      needs,
      summary: 'Make a code that opens a session: 7 days, once',
      answers: { 200: z.object({ session_code: z.string() }), ...noInstance },
    },
    async (_c, { path }) => {
      const instance = await instances.find(path.domain)
      const code = await auth.codes.issue(instance.prefix, 'session', {}, newCode())
      log.info('made a session code', { instance: instance.domain })
      return json(200, { session_code: code })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/session_code/check',
      tag,
      needs,
      summary: 'Check a session code, which spends it',
      body: z.object({ session_code: z.string() }),
      answers: {
        200: z.object({ valid: z.boolean() }).describe('It was valid'),
        400: 'The body is not an object with a text',
        403: z.object({ valid: z.boolean() }).describe('It is unknown, used or expired'),
        ...noInstance,
      },
    },
    async (c, { path }) => {
      const instance = await instances.find(path.domain)
      const code = (await readOptionalObject(c))?.['session_code'] ?? ''
      if (typeof code !== 'string') throw new Problem('bad_request', 'session_code must be a text')
      const spent = code === '' ? undefined : await auth.codes.spend(instance.prefix, 'session', code)
      return json(spent === undefined ? 403 : 200, { valid: spent !== undefined })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/email_verified_code',
      tag,
      needs,
      summary: 'Make a code that takes the place of the mailed one: 15 minutes, any number of times',
      answers: {
        200: z.object({ email_verified_code: z.string() }),
        400: 'The instance mails no codes',
        ...noInstance,
      },
    },
    async (_c, { path }) => {
      const instance = await instances.find(path.domain)
      if (!asksPasscode(instance)) throw new Problem('bad_request', '2FA by email is not enabled on this instance')
      const code = await auth.codes.issue(instance.prefix, 'email_verified', {}, newCode())
      log.info('made an email verified code', { instance: instance.domain })
      return json(200, { email_verified_code: code })
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/instances/{domain}/sessions',
      tag,
      needs,
      summary: 'End all sessions and forget the login history',
      answers: { 204: 'Done', ...noInstance },
    },
    async (_c, { path }) => {
      await auth.sessions.closeAll(await instances.find(path.domain), { history: true })
      return noContent()
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/auth-mode',
      tag,
      needs,
      summary: 'Set how the owner signs in',
      body: z.object({ auth_mode: z.enum(['basic', 'two_factor_mail', 'two_factor_oidc']) }),
      answers: {
        200: z.string().describe('It was set before'),
        204: 'Set',
        400: 'There is no such mode',
        ...noInstance,
      },
    },
    async (c, { path }) => {
      const instance = await instances.find(path.domain)
      const name = (await readObject(c))['auth_mode']
      if (name === undefined) throw new Problem('bad_request', 'Missing auth_mode key')
      const mode = typeof name === 'string' && Object.hasOwn(authModes, name) ? authModes[name] : undefined
      if (mode === undefined) throw new Problem('bad_request', 'Unknown authentication mode')
      if ((instance.document['auth_mode'] ?? 0) === mode) return json(200, `Instance has already ${name} auth mode`)
      await instances.update(path.domain, () => ({ auth_mode: mode === 0 ? undefined : mode }))
      return noContent({ 'content-type': 'application/json' })
    },
  )
}
