/** Pages of lists: `page[limit]` with `page[cursor]` or `page[skip]`. */
import { z } from '@hono/zod-openapi'
import type { Node } from '../../src/files/node.ts'
import type { Page } from '../../src/files/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import type { Json } from '../../src/model/json/value.ts'
import { pageLimits } from '../../src/model/page-limits.ts'

/** The parameters as text, for a route's declaration. An empty value counts as absent. */
export const pageText = {
  'page[limit]': z.string().optional().describe('Rows in a page'),
  'page[cursor]': z.string().optional().describe('Where the page before ended, from its `links.next`'),
  'page[skip]': z.string().optional().describe('Rows to leave out, instead of a cursor'),
} as const

export interface PageText {
  readonly 'page[limit]'?: string | undefined
  readonly 'page[cursor]'?: string | undefined
  readonly 'page[skip]'?: string | undefined
}

/** The page of children that is asked for. Throws `bad_request` for a malformed value. */
export function childrenPageOf(text: PageText): Page {
  const limit = limitOf(text, pageLimits.files.children)
  const cursor = text['page[cursor]']
  const skip = wholeOf('page[skip]', text['page[skip]'])
  if (cursor !== undefined && cursor !== '') return { limit, after: positionOf(cursor) }
  return skip === undefined ? { limit } : { limit, skip }
}

/** Zero and less count as absent. Throws `bad_request` for what is not a whole number. */
export function limitOf(text: PageText, byDefault: number): number {
  const asked = text['page[limit]']
  if (asked !== undefined && /^-\d+$/.test(asked)) return byDefault
  return Math.min(wholeOf('page[limit]', asked) || byDefault, pageLimits.files.most)
}

export function wholeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,15}$/.test(text)) throw new Problem('bad_request', `${name} must be a whole number, not ${text}`)
  return Number(text)
}

/** The address of the page that follows; `undefined` when there is none. */
export function nextChildren(
  path: string,
  page: Page,
  { nodes, more }: { readonly nodes: readonly Node[]; readonly more: boolean },
): string | undefined {
  const last = nodes.at(-1)
  if (!more || last === undefined) return undefined
  if (page.skip !== undefined) return pageAddress(path, page.limit, { skip: page.skip + nodes.length })
  return pageAddress(path, page.limit, { cursor: JSON.stringify([[last.dirId, last.kind, last.name], last.id]) })
}

/** `path` with the parameters of a page added to its query. */
export function pageAddress(
  path: string,
  limit: number,
  place: { readonly cursor: string } | { readonly skip: number },
): string {
  const [name, value] = 'cursor' in place ? ['page[cursor]', place.cursor] : ['page[skip]', place.skip]
  const pairs = [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`, `page%5Blimit%5D=${limit}`]
  return `${path}${path.includes('?') ? '&' : '?'}${pairs.join('&')}`
}

/** A cursor as JSON: `[[dir_id, type, name], docID]`. */
function positionOf(cursor: string): NonNullable<Page['after']> {
  const [place, id] = arrayOf(jsonOf(cursor), 2)
  const [, kind, name] = arrayOf(place, 3)
  if ((kind === 'directory' || kind === 'file') && typeof name === 'string' && typeof id === 'string') {
    return { kind, name, id }
  }
  throw badCursor()
}

/** The JSON of a cursor. Throws `bad_request`. */
export function jsonOf(cursor: string): Json {
  try {
    return parseJson(cursor).value
  } catch {
    throw badCursor()
  }
}

/** An array of this length, or `bad_request`. */
export function arrayOf(value: Json | undefined, length: number): readonly Json[] {
  if (Array.isArray(value) && value.length === length) return value
  throw badCursor()
}

export function badCursor(): Problem {
  return new Problem('bad_request', 'Invalid page cursor')
}
