/** OAuth clients of an instance, as its operator makes, finds and removes them. */
import { z } from '@hono/zod-openapi'
import { invalidParameter } from '../../src/instances/problems.ts'
import { Problem } from '../../src/model/errors.ts'
import { registered, shownClient } from '../auth/register.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import { PlainProblem } from './errors.ts'
import { booleanOf, textOf } from './request.ts'
import type { AdminServices } from './services.ts'

const tag = 'tokens'
const needs = 'the admin passphrase'

type Needs = Pick<AdminServices, 'instances' | 'auth'>

export function clientRoutes(face: Face, { instances, auth }: Needs): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/oauth_client',
      tag,
      needs,
      summary: 'Make an OAuth client',
      query: z.object({
        Domain: textOf('The instance. Required'),
        RedirectURI: textOf('Where codes are sent, without a fragment'),
        ClientName: textOf('Required'),
        SoftwareID: textOf('Required'),
        AllowLoginScope: booleanOf('AllowLoginScope', 'The client may ask for the scope `login`. Required'),
      }),
      answers: {
        200: shownClient,
        400: 'A parameter is missing or wrong',
        404: 'No such instance',
        422: 'Not a domain',
      },
    },
    async (_c, { query }) => {
      const instance = await instances.find(query.Domain ?? '')
      if (query.AllowLoginScope === undefined) {
        throw invalidParameter('AllowLoginScope', 'AllowLoginScope must be true or false')
      }
      const description = {
        redirectUris: [query.RedirectURI ?? ''],
        name: query.ClientName ?? '',
        softwareId: query.SoftwareID ?? '',
        more: {},
        allowLoginScope: query.AllowLoginScope,
      }
      const client = await auth.clients.register(instance, description).catch((error: unknown) => {
        if (error instanceof Problem && error.code === 'bad_request')
          throw new PlainProblem('bad_request', error.reason)
        throw error
      })
      return json(200, registered(client, client))
    },
  )

  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/oauth_client',
      tag,
      needs,
      summary: 'Find an OAuth client by its software',
      query: z.object({ domain: textOf('The instance. Required'), software_id: textOf('Required') }),
      answers: {
        200: shownClient.describe('Without its secret'),
        404: 'No such instance or client',
        422: 'Not a domain',
      },
    },
    async (_c, { query }) => {
      const instance = await instances.find(query.domain ?? '')
      const softwareId = query.software_id ?? ''
      const client = await auth.clients.findBySoftware(instance, softwareId)
      if (client === undefined) {
        throw new Problem('not_found', `Could not find client with software_id ${softwareId}`)
      }
      return json(200, registered(client))
    },
  )
}

export function removeClientsRoute(face: Face, { instances, auth }: Needs): void {
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/oauth/{domain}/clients',
      tag,
      needs,
      summary: 'Remove the OAuth clients of an instance; their tokens end at once',
      query: z.object({ Kind: textOf('Only those of this kind: `desktop`, `mobile`, `browser`, `sharing`, ...') }),
      answers: { 200: z.object({ count: z.number() }), 404: 'No such instance', 422: 'Not a domain' },
    },
    async (_c, { path, query }) => {
      const instance = await instances.find(path.domain)
      return json(200, { count: await auth.clients.removeAll(instance, query.Kind) })
    },
  )
}
