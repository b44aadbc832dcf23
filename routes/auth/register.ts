/** OAuth clients about themselves: `/auth/register` (RFC 7591, RFC 7592). */
import { z } from '@hono/zod-openapi'
import { type Client, type ClientDescription, clientMembers } from '../../src/auth/clients.ts'
import { Problem } from '../../src/model/errors.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, tokenOf } from '../http/tenant.ts'
import { json } from './answer.ts'
import { readObject } from './request.ts'
import type { AuthServices } from './services.ts'

const tag = 'OAuth'

/** The part of a client that it is shown. */
export const shownClient = z.object({
  client_id: z.string(),
  client_secret: z.string().optional().describe('Only when it was just made'),
  client_secret_expires_at: z.number(),
  registration_access_token: z.string().optional().describe('Only when it was just made'),
  redirect_uris: z.array(z.string()),
  grant_types: z.array(z.string()),
  response_types: z.array(z.string()),
  client_name: z.string(),
  software_id: z.string(),
})

const description = z.object({
  redirect_uris: z.array(z.string()),
  client_name: z.string(),
  software_id: z.string(),
  client_kind: z.string().optional().describe('For example `desktop`, `mobile`, `browser` or `sharing`'),
  client_uri: z.string().optional(),
  logo_uri: z.string().optional(),
  policy_uri: z.string().optional(),
  software_version: z.string().optional(),
})

const failure = z.object({ error: z.string(), error_description: z.string().optional() })

export function registerRoutes(face: Face, services: AuthServices): void {
  const { auth, instances, clientOf } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/auth/register',
      tag,
      summary: 'Register an OAuth client',
      body: description,
      answers: {
        201: shownClient.describe('The client with its secret'),
        400: failure.describe('A member is missing or wrong'),
        429: 'Too many registrations',
      },
    },
    async (c) => {
      const instance = await instanceOf(c, instances)
      const description = await describedBy(c)
      if (description instanceof Response) return description
      const { address } = clientOf(c)
      await auth.limits.count(
        { limit: 'registrationAddress', key: address },
        { limit: 'registration', key: instance.prefix },
      )
      const client = await auth.clients.register(instance, description, { pending: true })
      return json(201, registered(client, client))
    },
  )

  const path = '/auth/register/{client}'
  const needs = "the client's registration token"
  const own = async (c: HttpContext, id: string) => {
    const instance = await instanceOf(c, instances)
    if (!auth.clients.isRegistrationToken(instance, id, tokenOf(c) ?? '')) {
      throw new Problem('unauthorized', 'invalid_token')
    }
    return instance
  }

  endpoint(
    face,
    {
      method: 'GET',
      path,
      tag,
      needs,
      summary: 'Show a client to itself',
      answers: { 200: shownClient, 401: 'Not its registration token', 404: 'No such client' },
    },
    async (c, input) => {
      const instance = await own(c, input.path.client)
      const client = await auth.clients.find(instance, input.path.client)
      if (client === undefined) throw new Problem('not_found', 'Client not found')
      return json(200, registered(client))
    },
  )

  endpoint(
    face,
    {
      method: 'PUT',
      path,
      tag,
      needs,
      summary: 'Replace what a client says of itself',
      body: description,
      answers: { 200: shownClient, 400: failure, 401: 'Not its registration token', 404: 'No such client' },
    },
    async (c, input) => {
      const instance = await own(c, input.path.client)
      const description = await describedBy(c)
      if (description instanceof Response) return description
      return json(200, registered(await auth.clients.replace(instance, input.path.client, description)))
    },
  )

  endpoint(
    face,
    {
      method: 'DELETE',
      path,
      tag,
      needs,
      summary: 'Remove a client; its tokens end',
      answers: { 204: 'Removed', 401: 'Not its registration token' },
    },
    async (c, input) => {
      const instance = await own(c, input.path.client)
      await auth.clients.remove(instance, input.path.client)
      return new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } })
    },
  )
}

/** A client as JSON, with its secrets where they were just made. */
export function registered(
  client: Client,
  secrets?: { readonly secret: string; readonly registrationToken: string },
): JsonObject {
  return {
    ...client.shown,
    client_secret_expires_at: 0,
    ...(secrets && { client_secret: secrets.secret, registration_access_token: secrets.registrationToken }),
  }
}

/** The content of the body, or the answer that says what is wrong with it (RFC 7591, section 3.2.2). */
async function describedBy(c: HttpContext): Promise<ClientDescription | Response> {
  const body = await readObject(c)
  const uris = body['redirect_uris']
  if (!Array.isArray(uris) || uris.length === 0) return refused('invalid_redirect_uri', 'redirect_uris is mandatory')
  const wrong = uris.find((uri) => typeof uri !== 'string' || !isRedirectUri(uri))
  if (wrong !== undefined)
    return refused('invalid_redirect_uri', `${typeof wrong === 'string' ? wrong : stringifyJson(wrong)} is invalid`)
  const name = body['client_name']
  const softwareId = body['software_id']
  if (typeof name !== 'string' || name === '') {
    return refused('invalid_client_metadata', 'client_name is mandatory')
  }
  if (typeof softwareId !== 'string' || softwareId === '') {
    return refused('invalid_client_metadata', 'software_id is mandatory')
  }
  const more = Object.fromEntries(
    clientMembers.flatMap((member) => (typeof body[member] === 'string' ? [[member, body[member]]] : [])),
  )
  return { redirectUris: uris as string[], name: name.slice(0, 200), softwareId: softwareId.slice(0, 200), more }
}

/** Absolute, in ASCII without blanks, without fragment, and nothing that a browser would run. */
function isRedirectUri(uri: string): boolean {
  if (uri.length > 2000 || !/^[!"$-~]+$/.test(uri) || !URL.canParse(uri)) return false
  return !['javascript:', 'data:', 'vbscript:', 'blob:', 'file:', 'about:'].includes(new URL(uri).protocol)
}

function refused(error: string, error_description: string): Response {
  return json(400, { error, error_description })
}
