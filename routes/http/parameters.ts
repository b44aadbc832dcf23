/**
 * Query parameters in CouchDB's wordings. Each is optional text that zod turns into a value; a wrong one
 * throws `query_parse_error`.
 */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import type { Json } from '../../src/model/json/value.ts'

/** `true` or `false` in any case. */
export function booleanParameter(byDefault: boolean) {
  return z
    .string()
    .optional()
    .transform((text) => {
      if (text === undefined) return byDefault
      const lower = text.toLowerCase()
      if (lower === 'true' || lower === 'false') return lower === 'true'
      throw new Problem('query_parse_error', `Invalid boolean parameter: ${JSON.stringify(text)}`)
    })
}

/** Only the exact text `true` is true, everything else is false. */
export function exactlyTrue() {
  return z
    .string()
    .optional()
    .transform((text) => text === 'true')
}

/** A whole number from 0 up; larger than a double holds exactly counts as the largest that one holds. */
export function countParameter() {
  return z
    .string()
    .optional()
    .transform((text) => {
      if (text === undefined) return undefined
      if (!/^[+-]?\d+$/.test(text)) {
        throw new Problem('query_parse_error', `Invalid value for integer: ${JSON.stringify(text)}`)
      }
      const value = Number(text)
      if (value < 0) {
        throw new Problem('query_parse_error', `Invalid value for positive integer: ${JSON.stringify(text)}`)
      }
      return Math.min(value, Number.MAX_SAFE_INTEGER)
    })
}

/** JSON text; `{ json }` so that the value `null` differs from an absent parameter. */
export function jsonParameter() {
  return z
    .string()
    .optional()
    .transform((text): { readonly json: Json } | undefined =>
      text === undefined ? undefined : { json: parseJson(text).value },
    )
}

/** Text taken as it is. */
export function textParameter() {
  return z.string().optional()
}
