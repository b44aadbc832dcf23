/** Schemas that several routes share in their descriptions. */
import { z } from '@hono/zod-openapi'

export const StatusBody = z.object({ Status: z.string() }).describe('Done')
export const AcceptedBody = z.object({ Status: z.string(), Location: z.string() }).describe('Begun in the background')

/** A multipart form; `fields` says which. */
export function FormOf(fields: string): z.ZodType {
  return z.looseObject({}).describe(fields)
}

export const needs = 'the API token (`?token=`) or a hash for this request (`?hash=`)'
