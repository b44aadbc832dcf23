/** What the servers of a move say to each other. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { textParameter } from '../http/parameters.ts'
import { enter, oauthClientOf } from './access.ts'
import type { MoveServices } from './services.ts'

const needs = 'POST on io.cozy.imports'

export function betweenRoutes(face: Face, services: MoveServices): void {
  const { moves, clientOf } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/importing',
      summary: 'At the target: close it for the move, or keep it closed',
      tag: 'move',
      needs,
      query: z.object({ source: textParameter().describe('Domain of the instance that moves here') }),
      answers: { 204: 'It is closed', 400: 'Not a domain', 409: 'It cannot take part in a move now' },
    },
    async (c, { query }) => {
      const instance = await enter(c, services, 'io.cozy.imports')
      const source = query.source ?? ''
      if (!/^[^\s/?#@"'<>]{0,253}$/u.test(source))
        throw new Problem('bad_request', 'source is the domain of an instance')
      await moves.target.receive(instance, source, clientOf(c).isSecure)
      return new Response(null, { status: 204 })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/finalize',
      summary: 'At the source: all has arrived. The instance is the former one from now on',
      tag: 'move',
      needs,
      query: z.object({
        subdomain: textParameter().describe('`flat` or `nested`: how the target names the hosts of its applications'),
      }),
      answers: {
        204: 'It has moved',
        403: 'Not the client of this move',
        409: 'There is no such move, or it has ended',
      },
    },
    async (c, { query }) => {
      const instance = await enter(c, services, 'io.cozy.imports')
      const subdomain = query.subdomain === 'flat' || query.subdomain === 'nested' ? query.subdomain : undefined
      await moves.source.finalize(instance, subdomain, oauthClientOf(c))
      return new Response(null, { status: 204 })
    },
  )

  endpoint(
    face,
    {
      method: 'POST',
      path: '/move/abort',
      summary: 'At either: nothing comes of the move. The instance opens again',
      tag: 'move',
      needs,
      answers: {
        204: 'It is open, as it was',
        403: 'Not the client of this move',
        409: 'It is too late: the data has arrived, or the instance has moved',
      },
    },
    async (c) => {
      const instance = await enter(c, services, 'io.cozy.imports')
      await moves.abort(instance, oauthClientOf(c))
      return new Response(null, { status: 204 })
    },
  )
}
