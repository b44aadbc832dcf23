import { Problem } from '../../src/model/errors.ts'
import { type HttpContext, target } from './router.ts'

/** The decoded query string of a request, in the order of the request. */
export class Query {
  static readonly empty = new Query([])

  readonly entries: readonly (readonly [name: string, value: string])[]

  private constructor(entries: readonly (readonly [string, string])[]) {
    this.entries = entries
  }

  /**
   * Parses what stands behind the `?`. `+` and `%20` are spaces; a name without `=` has the empty value. Throws
   * `bad_request` for escapes that are not UTF-8, since a value decoded by guess would select the wrong documents.
   */
  static parse(raw: string): Query {
    if (raw === '') return Query.empty
    const entries: [string, string][] = []
    for (const part of raw.split('&')) {
      if (part === '') continue
      const equals = part.indexOf('=')
      if (equals < 0) entries.push([decode(part), ''])
      else entries.push([decode(part.slice(0, equals)), decode(part.slice(equals + 1))])
    }
    return new Query(entries)
  }

  has(name: string): boolean {
    return this.entries.some(([key]) => key === name)
  }

  first(name: string): string | undefined {
    return this.entries.find(([key]) => key === name)?.[1]
  }

  last(name: string): string | undefined {
    return this.entries.findLast(([key]) => key === name)?.[1]
  }

  /** One value for each name, the last one given. Has no prototype, so that any name is only a name. */
  toObject(): Record<string, string> {
    const values: Record<string, string> = Object.create(null)
    for (const [name, value] of this.entries) values[name] = value
    return values
  }
}

/** The query string as it came, without the `?`; empty when there is none. */
export function rawQuery(c: HttpContext): string {
  const url = target(c)
  const start = url.indexOf('?')
  return start < 0 ? '' : url.slice(start + 1)
}

/** The parsed query string of a request. */
export function query(c: HttpContext): Query {
  return Query.parse(rawQuery(c))
}

function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    throw new Problem('bad_request', `${text} in the query string is not valid percent-encoded UTF-8.`)
  }
}
