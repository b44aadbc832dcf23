/** JSON-API bodies of jobs and triggers. Their Content-Type is not looked at. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { memberOf, type ParsedJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { readJson, readOptionalJson } from '../http/body.ts'
import type { HttpContext } from '../http/router.ts'
import { badBody } from './errors.ts'
import type { JobsServices } from './services.ts'

type Limits = Pick<JobsServices, 'maxJsonBytes'>

/** The attributes of the body's `data`; an empty object where it has none. Throws 400 for what is no such document. */
export async function readAttributes(c: HttpContext, { maxJsonBytes }: Limits): Promise<ParsedJson> {
  const body = await readJson(c, { maxBytes: maxJsonBytes })
  const data = memberOf(body, 'data')
  if (data === undefined || !isObject(data.value)) throw badBody()
  const attributes = memberOf(data, 'attributes')
  if (attributes === undefined || attributes.value === null) return { value: {}, exact: {} }
  if (!isObject(attributes.value)) throw badBody()
  return attributes
}

/** Reads what the schema describes out of attributes. Throws 422 with the place of what is wrong. */
export function readMembers<Schema extends z.ZodType>(schema: Schema, attributes: ParsedJson): z.output<Schema> {
  const result = schema.safeParse(attributes.value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const pointer = ['/data/attributes', ...(issue?.path ?? [])].join('/')
  throw new Problem('invalid_parameter', issue?.message ?? 'Invalid attribute', { source: { pointer } })
}

/** A member with its numbers as they were written; `null` where it is absent. */
export function exactMember(attributes: ParsedJson, name: string): Json {
  return memberOf(attributes, name)?.exact ?? null
}

/** What comes with a webhook: any JSON, or nothing. */
export async function readPayload(c: HttpContext, { maxJsonBytes }: Limits): Promise<Json | undefined> {
  return (await readOptionalJson(c, { maxBytes: maxJsonBytes }))?.exact
}

export const Options = z
  .object({
    max_exec_count: z.number().int().nonnegative().nullish(),
    timeout: z.number().int().nonnegative().nullish(),
  })
  .nullish()
