/** `_session`: who a token belongs to, and a cookie for clients that only know cookies. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import { jsonValue } from '../http/answer.ts'
import { readText } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { Query } from '../http/query.ts'
import { type HttpContext, header } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import { badLogin } from './errors.ts'
import type { CouchdbServices } from './services.ts'
import { noSessionCookie, readSessionCookie, sessionCookie } from './session-cookie.ts'

const tag = 'CouchDB: server'
const path = '/couchdb/_session'
const info = { authentication_handlers: ['cookie', 'default'] }

export function sessionRoutes(face: Face, services: Pick<CouchdbServices, 'instances'>): void {
  const { instances } = services

  endpoint(
    face,
    {
      method: 'GET',
      path,
      tag,
      summary: 'Who the token of this request belongs to; a null name without token',
      answers: { 200: '`{ok, userCtx: {name, roles}, info}`.', 401: 'The token is not valid.' },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const cookie = readSessionCookie(c)
      const bearer = tokenOf(c)
      const token = bearer ?? cookie?.token
      if (token === undefined) return jsonValue(c, 200, { ok: true, userCtx: { name: null, roles: [] }, info })
      await permissionsOf(instances, instance, token)
      const authenticated = bearer === undefined ? 'cookie' : 'default'
      const name = bearer === undefined ? cookie?.name : (basicName(c) ?? instance.domain)
      return jsonValue(c, 200, { ok: true, userCtx: { name, roles: [] }, info: { ...info, authenticated } })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path,
      tag,
      summary: 'Log in with any name and a token as password; sets the cookie AuthSession',
      body: z.object({ name: z.string(), password: z.string().describe('The token') }),
      answers: { 200: '`{ok, name, roles}`.', 400: 'Name or password is missing.', 401: 'The token is not valid.' },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const { name, token } = await credentials(c)
      try {
        await instances.authorise(instance, token)
      } catch (error) {
        if (error instanceof Problem && error.identity?.kind === 'token') throw badLogin()
        throw error
      }
      return jsonValue(c, 200, { ok: true, name, roles: [] }, { 'set-cookie': sessionCookie({ name, token }) })
    },
  )

  endpoint(
    face,
    { method: 'DELETE', path, tag, summary: 'Log out: clears the cookie', answers: { 200: '`{ok: true}`.' } },
    (c) => jsonValue(c, 200, { ok: true }, { 'set-cookie': noSessionCookie }),
  )
}

async function credentials(c: HttpContext): Promise<{ readonly name: string; readonly token: string }> {
  const text = await readText(c, { maxBytes: 64 * 1024 })
  const type = header(c, 'content-type')?.split(';')[0]?.trim().toLowerCase()
  const fields = type === 'application/x-www-form-urlencoded' ? formFields(text) : jsonFields(text)
  const name = fields['name'] ?? fields['username']
  const token = fields['password'] ?? fields['token']
  if (typeof name !== 'string') throw new Problem('bad_request', 'request body must contain a username')
  if (typeof token !== 'string') throw new Problem('bad_request', 'request body must contain a password')
  return { name, token }
}

function formFields(text: string): Readonly<Record<string, unknown>> {
  return Query.parse(text).toObject()
}

function jsonFields(text: string): Readonly<Record<string, unknown>> {
  const { value } = parseJson(text)
  if (!isObject(value)) throw new Problem('bad_request', 'Request body must be a JSON object')
  return value
}

function basicName(c: HttpContext): string | undefined {
  const [scheme, encoded = ''] = (header(c, 'authorization') ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic') return undefined
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  return text.slice(0, text.indexOf(':'))
}
