/** Query parameters and headers of the files API. All are optional text, and an empty one counts as not given. */

import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../src/model/json/value.ts'
import { readOptionalJson } from '../http/body.ts'
import { ifMatch } from '../http/if-match.ts'
import { type HttpContext, header } from '../http/router.ts'
import { badBody } from './errors.ts'
import type { FilesServices } from './services.ts'

const optional = (meaning: string) => z.string().optional().describe(meaning)

export function textOf(meaning: string) {
  return optional(meaning).transform((text) => text || undefined)
}

/** Only `true` is true. */
export function flagOf(meaning: string) {
  return optional(`true: ${meaning}`).transform((text) => text === 'true')
}

/** A list split on commas: trimmed, each once, empty ones dropped. */
export function tagsOf(meaning: string) {
  return optional(`${meaning}, separated by commas`).transform((text) => distinct((text ?? '').split(',')))
}

/** A date of RFC 3339, as it was given; anything else counts as not given. */
export function dateOf(meaning: string) {
  return optional(meaning).transform((text) => readDate(text ?? ''))
}

/** Trimmed, each once, empty ones dropped. */
export function distinct(tags: readonly string[]): readonly string[] {
  return [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))]
}

/** At most nine digits of a fraction: nanoseconds, the finest that file systems keep. */
const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/

/**
 * A date of RFC 3339 with the fraction and the offset that it was given in, `T` and `Z` in upper case; `undefined` when the
 * text is not one. Clients compare dates with those of their own file system, which may hold nanoseconds.
 */
export function readDate(text: string): string | undefined {
  // Clients forget to escape the plus sign of a time zone, and a query makes a space of it.
  const mended = text.replace(/(:\d\d(?:\.\d+)?) (\d\d:\d\d)$/, '$1+$2')
  if (!rfc3339.test(mended)) return undefined
  const date = `${mended.slice(0, 10)}T${mended.slice(11).toUpperCase()}`
  // A runtime accepts 30 February as 1 March, and hour 24 as the next day.
  const time = Date.parse(`${date.slice(0, 19)}Z`)
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 19) !== date.slice(0, 19)) return undefined
  return Number.isNaN(Date.parse(date)) ? undefined : date
}

/** The `Date` header (RFC 1123) as ISO 8601; `undefined` when it is absent or not a date. */
export function dateHeader(c: HttpContext): string | undefined {
  const text = header(c, 'date') ?? ''
  if (!/^[A-Z][a-z]{2}, \d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})$/.test(text)) return undefined
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}

/** The revision that must be current: `If-Match`, or else `?rev=`. */
export function ifMatchOf(c: HttpContext, rev: string | undefined): string | undefined {
  return ifMatch(c) ?? (rev || undefined)
}

/** For the declaration of routes that take `If-Match`. */
export const revParameter = { rev: textOf('The revision that must be current') } as const
export const ifMatchHeader = { 'If-Match': 'The revision that must be current; 412 when it is not' } as const

/** The body as a JSON object. Throws 400, or 413 above the limit. */
export async function readObject(c: HttpContext, limits: Pick<FilesServices, 'maxJsonBytes'>): Promise<JsonObject> {
  const body = await read(c, limits)
  if (body === undefined) throw badBody()
  return body
}

/** The same for a body that may be left out: an empty object then. */
export async function readOptionalObject(
  c: HttpContext,
  limits: Pick<FilesServices, 'maxJsonBytes'>,
): Promise<JsonObject> {
  return (await read(c, limits)) ?? {}
}

async function read(c: HttpContext, { maxJsonBytes }: Pick<FilesServices, 'maxJsonBytes'>) {
  try {
    const body = await readOptionalJson(c, { maxBytes: maxJsonBytes })
    if (body === undefined) return undefined
    if (isObject(body.value)) return body.value
  } catch (error) {
    // One wording for everything that is not a JSON object.
    if (!(error instanceof Problem) || error.status !== 400) throw error
  }
  throw badBody()
}

/** The body's `data`, which is required. */
export async function readData(c: HttpContext, limits: Pick<FilesServices, 'maxJsonBytes'>): Promise<Json> {
  const { data } = await readObject(c, limits)
  if (data === undefined || data === null) throw badBody()
  return data
}
