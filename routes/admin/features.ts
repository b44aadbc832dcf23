/** Feature flags and sets of instances, of contexts and for everybody. */
import { z } from '@hono/zod-openapi'
import { contextFeatures } from '../../src/admin/contexts.ts'
import { changedFlags } from '../../src/admin/features.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Json } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import { readObject, readValue } from './request.ts'
import type { AdminServices } from './services.ts'

const tag = 'feature flags'
const needs = 'the admin passphrase'
const flags = z.record(z.string(), z.unknown()).nullable().describe('Flags by name; null when there were never any')
const sets = z.array(z.string()).nullable().describe('Names; null when there were never any')
const noInstance = { 404: 'No such instance', 422: 'Not a domain' } as const

type Needs = Pick<AdminServices, 'instances' | 'sharedFlags' | 'contexts'>

/** Routes of which no part is a domain; to be declared first. */
export function sharedFeatureRoutes(face: Face, { sharedFlags, contexts }: Needs): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/feature/config/{context}',
      tag,
      needs,
      summary: 'Flags of a context in the configuration',
      answers: { 200: flags, 404: 'No such context' },
    },
    (_c, { path }) => {
      const features = contextFeatures(contexts, path.context)
      if (features === undefined) throw new Problem('not_found', `Unable to get context "${path.context}" from config`)
      return json(200, features)
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/feature/contexts/{context}',
      tag,
      needs,
      summary: 'Flags that were set for a context',
      answers: { 200: flags },
    },
    async (_c, { path }) => json(200, (await sharedFlags.ofContext(path.context)) ?? null),
  )
  endpoint(
    face,
    {
      method: 'PATCH',
      path: '/instances/feature/contexts/{context}',
      tag,
      needs,
      summary: 'Set flags for a context; an empty list removes one',
      body: z.record(z.string(), z.array(z.object({ ratio: z.number(), value: z.unknown() }))),
      answers: { 200: flags, 400: 'Not a JSON object', 422: 'A flag is not a list of ratios and values' },
    },
    async (c, { path }) => json(200, await sharedFlags.changeContext(path.context, await readObject(c))),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/feature/defaults',
      tag,
      needs,
      summary: 'Flags for everybody',
      answers: { 200: flags },
    },
    async () => json(200, (await sharedFlags.defaults()) ?? null),
  )
  endpoint(
    face,
    {
      method: 'PATCH',
      path: '/instances/feature/defaults',
      tag,
      needs,
      summary: 'Set flags for everybody; null removes one',
      body: z.record(z.string(), z.unknown()),
      answers: { 200: flags, 400: 'Not a JSON object' },
    },
    async (c) => json(200, await sharedFlags.changeDefaults(await readObject(c))),
  )
}

export function instanceFeatureRoutes(face: Face, { instances }: Needs): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/feature/flags',
      tag,
      needs,
      summary: 'Flags of an instance',
      answers: { 200: flags, ...noInstance },
    },
    async (_c, { path }) => json(200, (await instances.find(path.domain)).document['feature_flags'] ?? null),
  )
  endpoint(
    face,
    {
      method: 'PATCH',
      path: '/instances/{domain}/feature/flags',
      tag,
      needs,
      summary: 'Set flags of an instance; null removes one',
      body: z.record(z.string(), z.unknown()),
      answers: { 200: flags, 400: 'Not a JSON object', ...noInstance },
    },
    async (c, { path }) => {
      await instances.find(path.domain)
      const changes = await readObject(c)
      const { document } = await instances.update(path.domain, (known) => {
        const old = known['feature_flags']
        return { feature_flags: changedFlags(isFlags(old) ? old : undefined, changes) }
      })
      return json(200, document['feature_flags'] ?? null)
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/feature/sets',
      tag,
      needs,
      summary: 'Feature sets of an instance',
      answers: { 200: sets, ...noInstance },
    },
    async (_c, { path }) => json(200, (await instances.find(path.domain)).document['feature_sets'] ?? null),
  )
  endpoint(
    face,
    {
      method: 'PUT',
      path: '/instances/{domain}/feature/sets',
      tag,
      needs,
      summary: 'Replace the feature sets of an instance',
      body: z.array(z.string()),
      answers: { 200: sets, 400: 'Not a JSON list of texts', ...noInstance },
    },
    async (c, { path }) => {
      await instances.find(path.domain)
      const names = await readValue(c)
      if (!Array.isArray(names) || !names.every((item) => typeof item === 'string')) {
        throw new Problem('bad_request', 'The body must be a JSON list of texts.')
      }
      const feature_sets = [...names].sort()
      await instances.update(path.domain, () => ({ feature_sets }))
      return json(200, feature_sets)
    },
  )
}

function isFlags(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
