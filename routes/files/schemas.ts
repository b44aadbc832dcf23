/** What answers look like, for the description of the interface. */
import { z } from '@hono/zod-openapi'
import type { Verb } from '../../src/model/permissions.ts'

export const tag = 'files'

const object = z.object({
  type: z.string(),
  id: z.string(),
  attributes: z.looseObject({}),
  meta: z.object({ rev: z.string() }),
  links: z.looseObject({ self: z.string() }),
  relationships: z.looseObject({}),
})

export const node = z
  .object({ data: object, included: z.array(z.looseObject({})).optional() })
  .describe('The directory or file')

export const list = z.object({
  data: z.array(object),
  meta: z.object({ count: z.number() }),
  links: z.object({ next: z.string().optional() }),
})

/** A JSON-API body with attributes. */
export const attributesBody = z.object({ data: z.looseObject({ attributes: z.looseObject({}) }) })

/** What a token has to allow, in words. */
export function needs(verb: Verb, whole = false): string {
  return whole ? `${verb} on all of io.cozy.files` : `${verb} on the file or on a directory above it`
}
