/** Reads what requests of the sync API bring. */
import { Problem } from '../../src/model/errors.ts'
import { unacceptable } from '../../src/sync/problems.ts'
import { readText } from '../http/body.ts'
import { query } from '../http/query.ts'
import { type HttpContext, header } from '../http/router.ts'

const maxBytes = 1024 * 1024

/** A JSON body of at most 1 MiB. */
export async function readBody(c: HttpContext): Promise<unknown> {
  const type = header(c, 'content-type')
  if (type !== undefined && !/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(type)) {
    throw new Problem('bad_content_type', 'expected application/json')
  }
  const text = await readText(c, { maxBytes }).catch((error: unknown) => {
    if (error instanceof Problem && error.status === 400) throw invalid(error.reason)
    throw error
  })
  if (text.trim() === '') throw invalid('it is empty')
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'it cannot be read')
  }
}

/** A whole number of the query, in bounds; given twice or not a number it is 400, out of bounds 422. */
export function countOf(
  c: HttpContext,
  name: string,
  { byDefault, most }: { byDefault: number; most: number },
): number {
  const text = textOf(c, name)
  if (text === undefined) return byDefault
  if (!/^[+-]?\d+$/.test(text)) throw new Problem('bad_request', `${name} must be an integer`)
  const value = Number(text)
  if (value < 0 || value > most) throw unacceptable(`${name} must be between 0 and ${most}`)
  return value
}

/** One text of the query. */
export function textOf(c: HttpContext, name: string): string | undefined {
  const found = query(c).entries.filter(([key]) => key === name)
  if (found.length > 1) throw new Problem('bad_request', `${name} is given twice`)
  const text = found[0]?.[1]
  if (text?.includes('\0')) throw new Problem('bad_request', `${name} must not hold a NUL`)
  return text
}

/** `1` or `true`; anything else but `0` and `false` is refused. */
export function flagOf(c: HttpContext, name: string): boolean {
  const text = textOf(c, name)
  if (text === undefined || text === '0' || text === 'false') return false
  if (text === '1' || text === 'true') return true
  throw new Problem('bad_request', `${name} must be 1 or 0`)
}

/** Where a list goes on: an id that was the last of the page before. */
export function afterOf(c: HttpContext): string {
  const text = textOf(c, 'after')
  if (text === undefined) return '00000000-0000-0000-0000-000000000000'
  if (!isUuid(text)) throw new Problem('bad_request', 'after must be an id')
  return text
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)
}

/** An object body. */
export async function readObject(c: HttpContext): Promise<Record<string, unknown>> {
  const body = await readBody(c)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw unacceptable('the body must be an object')
  return body as Record<string, unknown>
}

function invalid(why: string): Problem {
  return new Problem('bad_request', `invalid JSON body: ${why}`)
}
