/** Checks of an instance's documents: what is wrong, as a list. */
import { z } from '@hono/zod-openapi'
import { checkShared } from '../../src/checks/shared.ts'
import { checkSharings } from '../../src/checks/sharings.ts'
import { checkTriggers } from '../../src/checks/triggers.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import { lenientBooleanOf } from './request.ts'
import type { AdminServices } from './services.ts'

const tag = 'checks'
const needs = 'the admin passphrase'
const noInstance = { 404: 'No such instance', 422: 'Not a domain' } as const
const noDatabase = z.object({ type: z.literal('no_database'), error: z.string() })

const trigger = z.object({
  type: z.enum(['duplicate', 'invalid_message', 'missing_name', 'missing_slug']),
  _id: z.string(),
  other_id: z.string().optional(),
  trigger: z.string(),
  worker: z.string(),
  arguments: z.string().optional(),
  debounce: z.string().optional(),
  message: z.string().describe('As JSON text'),
})
const shared = z.object({
  type: z.enum(['invalid_revs_suite', 'invalid_json']),
  _id: z.string(),
  parent_rev: z.string(),
  child_rev: z.string(),
})
const sharing = z.looseObject({ type: z.string(), id: z.string().describe('Of the sharing') })

export function checkRoutes(face: Face, { instances, store }: Pick<AdminServices, 'instances' | 'store'>): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/checks/triggers',
      tag,
      needs,
      summary: 'Find triggers that are there twice',
      answers: { 200: z.array(z.union([trigger, noDatabase])), ...noInstance },
    },
    async (_c, { path }) => json(200, await checkTriggers(store, (await instances.find(path.domain)).prefix)),
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/checks/shared',
      tag,
      needs,
      summary: 'Find shared documents with a wrong revision tree',
      answers: { 200: z.array(z.union([shared, noDatabase])), ...noInstance },
    },
    async (_c, { path }) => json(200, await checkShared(store, (await instances.find(path.domain)).prefix)),
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/checks/sharings',
      tag,
      needs,
      summary: 'Find sharings that are set up wrongly, or whose files differ from those of members on this server',
      query: z.object({
        SkipFSConsistency: lenientBooleanOf('Leave out the comparison of files'),
        Fast: lenientBooleanOf('The same'),
      }),
      answers: { 200: z.array(z.union([sharing, noDatabase])), ...noInstance },
    },
    async (_c, { path, query }) => {
      const instance = await instances.find(path.domain)
      const found = await checkSharings(instance, {
        store,
        find: (domain) => instances.byHost(domain),
        skipTrees: query.SkipFSConsistency === true || query.Fast === true,
        now: Date.now(),
      })
      return json(200, found)
    },
  )
}
