/** What a request says about the directory or file to create: query and headers. */

import type { ContentClaims } from '../../src/files/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { type HttpContext, header } from '../http/router.ts'
import { invalidParameter } from './errors.ts'
import { dateOf, flagOf, tagsOf, textOf } from './request.ts'
import type { FilesServices } from './services.ts'

/** Names under which secrets are kept. */
export const metadataKind = 'metadata'

/** Parameters that directories and files have in common. */
export const nodeParameters = {
  Tags: tagsOf('Tags'),
  UpdatedAt: dateOf('Date of the last change, RFC 3339'),
  MetadataID: textOf('Secret of metadata that were sent to /files/upload/metadata'),
  Metadata: textOf('Deprecated: metadata as a JSON object'),
  SourceAccount: textOf('Account from which it was imported'),
} as const

/** Parameters of an upload. */
export const contentParameters = {
  ...nodeParameters,
  Executable: flagOf('the file is a program'),
  Encrypted: flagOf('the content is encrypted by the client'),
  Size: textOf('Bytes to come, when there is no Content-Length'),
} as const

export const contentHeaders = {
  'Content-Type': 'Media type; absent or application/octet-stream: by the name',
  'Content-Length': 'Bytes to come',
  'Content-MD5': 'Base64 of the md5 sum; 412 when the content has another one',
} as const

interface ContentQuery {
  readonly Executable: boolean
  readonly Encrypted: boolean
  readonly Size: string | undefined
}

/** What is announced about the bytes. Throws 422 for a malformed header or parameter. */
export function contentClaims(c: HttpContext, { Executable, Encrypted, Size }: ContentQuery): ContentClaims {
  const length = header(c, 'content-length') || undefined
  return {
    // Parameters and letter case are the service's to read, and so is what is not a media type.
    mime: header(c, 'content-type') || undefined,
    size: sizeOf(length === undefined ? 'Size' : 'Content-Length', length ?? Size),
    md5: md5Of(header(c, 'content-md5')),
    executable: Executable,
    encrypted: Encrypted,
  }
}

/** The metadata that an upload names or contains. Throws 422 for a secret that is unknown or too old. */
export async function metadataOf(
  prefix: string,
  { MetadataID, Metadata }: { readonly MetadataID: string | undefined; readonly Metadata: string | undefined },
  secrets: FilesServices['secrets'],
): Promise<JsonObject | undefined> {
  if (MetadataID !== undefined) {
    const kept = await secrets.get(prefix, metadataKind, MetadataID)
    const metadata = kept === undefined ? undefined : parseJson(kept).value
    if (isObject(metadata)) return metadata
    throw invalidParameter('MetadataID', 'Invalid or expired MetadataID')
  }
  if (Metadata === undefined) return undefined
  const metadata = objectOf(Metadata)
  if (metadata === undefined) throw invalidParameter('Metadata', 'Metadata must be a JSON object')
  return metadata
}

function sizeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw invalidParameter(name, `${name} must be a number of bytes, not ${text}`)
}

function md5Of(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  // The last character of 16 bytes holds two bits: a sum has one spelling only.
  if (/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(text)) return text
  throw invalidParameter('Content-MD5', 'Given Content-MD5 is invalid')
}

function objectOf(text: string): JsonObject | undefined {
  try {
    const { value } = parseJson(text)
    return isObject(value) ? value : undefined
  } catch (error) {
    if (error instanceof Problem) return undefined
    throw error
  }
}
