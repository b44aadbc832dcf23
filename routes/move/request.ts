/** JSON-API bodies of export and import. Their Content-Type is not looked at. */
import type { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { memberOf } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import { readJson } from '../http/body.ts'
import type { HttpContext } from '../http/router.ts'
import { badBody } from './errors.ts'
import type { MoveServices } from './services.ts'

/** The attributes of `data`. Throws 400 for what is no such document, 422 with the place of what is wrong in it. */
export async function readAttributes<Schema extends z.ZodType>(
  c: HttpContext,
  { maxJsonBytes }: Pick<MoveServices, 'maxJsonBytes'>,
  schema: Schema,
): Promise<z.output<Schema>> {
  const body = await readJson(c, { maxBytes: maxJsonBytes })
  const data = memberOf(body, 'data')
  if (data === undefined || !isObject(data.value)) throw badBody()
  const attributes = data.value['attributes'] ?? {}
  if (!isObject(attributes)) throw badBody()
  const result = schema.safeParse(attributes)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const pointer = ['/data/attributes', ...(issue?.path ?? [])].join('/')
  throw new Problem('invalid_parameter', issue?.message ?? 'Invalid attribute', { source: { pointer } })
}
