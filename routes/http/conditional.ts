/** Conditional requests (RFC 9110 13): whether a client's condition lets a representation be sent. Pure. */

/** The validators of a representation. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string
  /** NaN: not known; then dates are ignored. */
  readonly modifiedMs: number
}

/** Reads one request header by its name in lower case. */
export type HeaderReader = (name: string) => string | undefined

export type Precondition = 'send' | 'not_modified' | 'failed'

/**
 * The outcome for GET and HEAD, in the order of 13.2.2: If-Match, or else If-Unmodified-Since; then If-None-Match, or
 * else If-Modified-Since. A date that cannot be read is not a condition.
 */
export function precondition(header: HeaderReader, validators: Validators): Precondition {
  const ifMatch = header('if-match')
  if (ifMatch !== undefined) {
    if (!names(ifMatch, validators.etag, 'strong')) return 'failed'
  } else if (modifiedAfter(header('if-unmodified-since'), validators) === true) return 'failed'
  if (header('if-none-match') !== undefined) return unchanged(header, validators) ? 'not_modified' : 'send'
  return modifiedAfter(header('if-modified-since'), validators) === false ? 'not_modified' : 'send'
}

/** Whether `If-None-Match` names the representation (13.1.2): the whole condition of what has an ETag and no date. */
export function unchanged(header: HeaderReader, { etag }: Pick<Validators, 'etag'>): boolean {
  const ifNoneMatch = header('if-none-match')
  return ifNoneMatch !== undefined && names(ifNoneMatch, etag, 'weak')
}

/**
 * Whether `Range` counts, by `If-Range` (13.1.5). A date never matches: clients set the time of a file, so two contents
 * may carry the same one, and parts of both must not be put together. The whole file is always a right answer.
 */
export function rangeApplies(header: HeaderReader, { etag }: Pick<Validators, 'etag'>): boolean {
  const ifRange = header('if-range')
  return ifRange === undefined || ifRange.trim() === etag
}

/** Whether a list of entity tags, or `*`, names this one. Weak tags match in the weak comparison only (8.8.3.2). */
function names(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true
  for (const [, weak, tag] of list.matchAll(/(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g)) {
    if (tag === etag && (comparison === 'weak' || weak === undefined)) return true
  }
  return false
}

/** Dates in headers have whole seconds, so a part of a second counts for nothing. */
function modifiedAfter(date: string | undefined, { modifiedMs }: Validators): boolean | undefined {
  const ms = date === undefined ? undefined : httpDate(date)
  return ms === undefined || Number.isNaN(modifiedMs) ? undefined : Math.floor(modifiedMs / 1000) * 1000 > ms
}

const time = String.raw`\d\d:\d\d:\d\d`
const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
const fixdate = new RegExp(`^[A-Z][a-z]{2}, \\d\\d ${month} \\d{4} ${time} GMT$`)
const rfc850 = new RegExp(`^[A-Z][a-z]+day, (\\d\\d)-(${month})-(\\d\\d) (${time}) GMT$`)
const asctime = new RegExp(`^[A-Z][a-z]{2} (${month}) ([ \\d]\\d) (${time}) (\\d{4})$`)

/** Milliseconds since 1970 of a date in one of the three forms of 5.6.7; `undefined` for any other text. */
export function httpDate(text: string): number | undefined {
  const trimmed = text.trim()
  const ms = Date.parse(fixdate.test(trimmed) ? trimmed : (fromRfc850(trimmed) ?? fromAsctime(trimmed) ?? ''))
  return Number.isNaN(ms) ? undefined : ms
}

/** A year of two digits that seems more than 50 years ahead is of the last century. */
function fromRfc850(text: string): string | undefined {
  const [, day, name, shortYear, clock] = rfc850.exec(text) ?? []
  if (shortYear === undefined) return undefined
  const now = new Date().getUTCFullYear()
  const year = now - (now % 100) + Number(shortYear)
  return `${day} ${name} ${year > now + 50 ? year - 100 : year} ${clock} GMT`
}

function fromAsctime(text: string): string | undefined {
  const [, name, day, clock, year] = asctime.exec(text) ?? []
  return year === undefined ? undefined : `${day?.trim().padStart(2, '0')} ${name} ${year} ${clock} GMT`
}
