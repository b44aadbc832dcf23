/** What browsers and OAuth clients send: forms, JSON, cookies. */
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { readText } from '../http/body.ts'
import { Query } from '../http/query.ts'
import { type HttpContext, header } from '../http/router.ts'

const maxBytes = 64 * 1024

/** The fields of a form or the members of a JSON object that are texts. @throws Problem `bad_request` */
export async function readFields(c: HttpContext): Promise<Readonly<Record<string, string>>> {
  const text = await readText(c, { maxBytes })
  const type = mediaType(c)
  if (type === 'application/json') {
    const members = Object.entries(objectIn(text)).filter((entry): entry is [string, string] => {
      return typeof entry[1] === 'string'
    })
    return Object.fromEntries(members)
  }
  if (type === 'application/x-www-form-urlencoded' || text === '') return Query.parse(text).toObject()
  throw new Problem('bad_content_type', 'The body is application/x-www-form-urlencoded or application/json.')
}

/** A JSON object. @throws Problem `bad_request` */
export async function readObject(c: HttpContext): Promise<JsonObject> {
  return objectIn(await readText(c, { maxBytes }))
}

function objectIn(text: string): JsonObject {
  const { value } = parseJson(text)
  if (!isObject(value)) throw new Problem('bad_request', 'The body must be a JSON object.')
  return value
}

function mediaType(c: HttpContext): string {
  return (header(c, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** One cookie of the request. */
export function cookieOf(c: HttpContext, name: string): string | undefined {
  for (const pair of (header(c, 'cookie') ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}

/** Whether the client reads JSON rather than pages. */
export function wantsJson(c: HttpContext): boolean {
  const accept = header(c, 'accept') ?? ''
  return accept.includes('json') && !accept.includes('text/html')
}

/**
 * Where to go after a login: a path of the same host, so that a link cannot lead to another site. `undefined` for
 * anything else.
 */
export function localPath(redirect: string | undefined, host: string): string | undefined {
  if (redirect === undefined || redirect === '') return undefined
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(redirect)
  if (absolute !== null && absolute[1]?.toLowerCase() !== host.toLowerCase()) return undefined
  const path = absolute === null ? redirect : absolute[2] === '' ? '/' : (absolute[2] ?? '')
  // A second slash or a backslash would name a host, and browsers drop control characters.
  return /^\/(?![/\\])[!-[\]-~]*$/.test(path) ? path : undefined
}
