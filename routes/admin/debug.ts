/** Debug logs of one domain, for a while. The domain need not exist. */
import { z } from '@hono/zod-openapi'
import { normaliseDomain } from '../../src/instances/domain.ts'
import { durationSeconds } from '../../src/instances/duration.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json, noContent } from './answer.ts'
import { textOf } from './request.ts'
import type { AdminServices } from './services.ts'

const needs = 'the admin passphrase'
const path = '/instances/{domain}/debug'
const tag = 'operation'
const day = 24 * 3600

export function debugRoutes(face: Face, { debugging }: Pick<AdminServices, 'debugging'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path,
      tag,
      needs,
      summary: 'Whether the requests of a domain are logged one by one',
      answers: { 200: z.looseObject({ until: z.string() }), 404: 'They are not', 422: 'Not a domain' },
    },
    async (_c, input) => {
      const domain = normaliseDomain(input.path.domain)
      const until = await debugging.until(domain)
      if (until === undefined) throw new Problem('not_found', 'Debug is disabled on this domain')
      return json(200, { [domain]: true, until: until.toISOString() })
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path,
      tag,
      needs,
      summary: 'Log the requests of a domain one by one for a while',
      query: z.object({ TTL: textOf('A duration such as `1h30m`; 24 hours otherwise') }),
      answers: { 204: 'From now on', 422: 'Not a domain' },
    },
    async (_c, input) => {
      const seconds = durationSeconds(input.query.TTL ?? '')
      await debugging.begin(normaliseDomain(input.path.domain), seconds && seconds > 0 ? seconds : day)
      return noContent()
    },
  )
  endpoint(
    face,
    {
      method: 'DELETE',
      path,
      tag,
      needs,
      summary: 'Log the requests of a domain no longer',
      answers: { 204: 'Done', 422: 'Not a domain' },
    },
    async (_c, input) => {
      await debugging.end(normaliseDomain(input.path.domain))
      return noContent()
    },
  )
}
