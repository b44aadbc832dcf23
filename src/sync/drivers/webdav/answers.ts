/** Reads what WebDAV servers answer to PROPFIND (RFC 4918, section 9.1). */
import { XMLParser } from 'fast-xml-parser'
import { DriverError } from '../error.ts'

export interface Resource {
  /** Path of the request target, percent-decoded, without a slash at its end. */
  readonly path: string
  readonly isFolder: boolean
  readonly size: number
  readonly mtimeMs: number
  readonly etag: string
}

const parser = new XMLParser({
  removeNSPrefix: true,
  ignoreAttributes: true,
  parseTagValue: false,
  processEntities: true,
  isArray: (name) => name === 'response' || name === 'propstat',
})

/** The resources of a multistatus. @throws DriverError `unavailable` for anything else; a DTD is never read */
export function resourcesOf(xml: string): Resource[] {
  if (/<!DOCTYPE|<!ENTITY/i.test(xml)) throw new DriverError('unavailable', 'the server sent a document with a DTD')
  let document: unknown
  try {
    document = parser.parse(xml)
  } catch (error) {
    throw new DriverError('unavailable', 'the server sent no XML', { cause: error })
  }
  const { multistatus } = document as { multistatus?: { response?: ResponseElement[] } | '' }
  if (multistatus === undefined) throw new DriverError('unavailable', 'the server sent no multistatus')
  // The parser accepts truncated input.
  if (!/<\/([\w.-]+:)?multistatus\s*>\s*$/.test(xml) && !/<([\w.-]+:)?multistatus[^<>]*\/>\s*$/.test(xml)) {
    throw new DriverError('unavailable', 'the answer of the server broke off')
  }
  return (multistatus === '' ? [] : (multistatus.response ?? [])).flatMap(resourceOf)
}

interface ResponseElement {
  readonly href?: unknown
  readonly propstat?: readonly { readonly status?: unknown; readonly prop?: Readonly<Record<string, unknown>> }[]
}

function resourceOf({ href, propstat = [] }: ResponseElement): Resource[] {
  const path = pathOf(String(href ?? ''))
  const prop = propstat.find(({ status }) => / 200( |$)/.test(String(status ?? '')))?.prop
  if (path === undefined || prop === undefined) return []
  const kind = prop['resourcetype']
  return [
    {
      path,
      isFolder: typeof kind === 'object' && kind !== null && 'collection' in kind,
      size: Number(prop['getcontentlength'] ?? 0) || 0,
      mtimeMs: Date.parse(String(prop['getlastmodified'] ?? '')) || 0,
      etag: String(prop['getetag'] ?? ''),
    },
  ]
}

/** `undefined` for what is not a path of this server. */
function pathOf(href: string): string | undefined {
  try {
    const { pathname } = new URL(href, 'http://server.invalid/')
    return decodeURIComponent(pathname).replace(/\/+$/, '')
  } catch {
    return undefined
  }
}
