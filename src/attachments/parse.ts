/** The member `_attachments` of a document as a client sent it. */
import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { Content } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import type { ReceivedContents } from './extract.ts'

interface Named {
  readonly name: string
  /** Generation in which it was attached, according to the client; ignored for what is attached now. */
  readonly revpos: number | undefined
}

/** Its content is inline. */
export interface InlineAttachment extends Named {
  readonly kind: 'inline'
  readonly contentType: string
  readonly data: Uint8Array
  readonly content: Content
}

/** A stub: it stays as it is in the previous revision. */
export interface StubAttachment extends Named {
  readonly kind: 'stub'
  /** md5 in base64. */
  readonly digest: string | undefined
}

/** Its content follows the document in a `multipart/related` body, in the order of the members. */
export interface FollowingAttachment extends Named {
  readonly kind: 'follows'
  readonly contentType: string
  /** Bytes in the body. */
  readonly length: number
  /** The bytes in the body are compressed: they are stored as they were before. */
  readonly gzipped: boolean
}

/** Its content followed, or was taken out of the body while it arrived, and is in the store. */
export interface ReceivedAttachment extends Named {
  readonly kind: 'received'
  readonly contentType: string
  readonly content: Content
}

export type SentAttachment = InlineAttachment | StubAttachment | FollowingAttachment | ReceivedAttachment

const nothingReceived: ReceivedContents = new Map()

/** The type of an attachment when the client named none. */
const unknownType = 'application/octet-stream'

/**
 * Checks the member and decodes what came inline; `received` is what was taken out of the body before. `undefined` when it is empty. Throws `bad_request` for names and data that
 * cannot be, `doc_validation` when it is not an object.
 */
export function parseAttachments(
  value: Json | undefined,
  received: ReceivedContents = nothingReceived,
): readonly SentAttachment[] | undefined {
  if (value === undefined) return undefined
  if (!isObject(value)) throw new Problem('doc_validation', '_attachments must be an object')
  const names = Object.keys(value)
  return names.length === 0 ? undefined : names.map((name) => parseAttachment(name, value[name], received))
}

/** Throws `bad_request` for a name that no attachment can have. */
export function checkAttachmentName(name: string): void {
  if (name === '') throw new Problem('bad_request', 'Attachment name must not be empty')
  if (name.startsWith('_')) {
    throw new Problem('bad_request', `Attachment name '${name}' starts with prohibited character '_'`)
  }
  // PostgreSQL cannot tell such names apart, and compaction relies on PostgreSQL.
  if (name.includes('\u0000')) throw new Problem('bad_request', 'Attachment name must not contain U+0000')
}

/** The digest and length that identify bytes. */
export function contentOf(data: Uint8Array): Content {
  return { digest: hash('md5', data, 'base64'), length: data.length }
}

function parseAttachment(name: string, value: Json | undefined, received: ReceivedContents): SentAttachment {
  checkAttachmentName(name)
  if (!isObject(value)) throw new Problem('bad_request', `Attachment ${name} must be an object`)
  const revpos = position(value['revpos'])
  if (value['stub'] === true) return { kind: 'stub', name, revpos, digest: digestOf(value['digest']) }
  const contentType = value['content_type'] ?? unknownType
  if (typeof contentType !== 'string') {
    throw new Problem('bad_request', `Attachment ${name}: content_type must be a string`)
  }
  if (value['follows'] === true) return { kind: 'follows', name, revpos, contentType, ...following(name, value) }
  const content = receivedContent(value['data'], received)
  if (content) return { kind: 'received', name, revpos, contentType, content }
  const data = decoded(value['data'])
  if (!data) throw new Problem('bad_request', `Invalid attachment data for ${name}`)
  return { kind: 'inline', name, revpos, contentType, data, content: contentOf(data) }
}

function receivedContent(data: Json | undefined, received: ReceivedContents): Content | undefined {
  const mark = isObject(data) ? data['received'] : undefined
  return typeof mark === 'string' ? received.get(mark) : undefined
}

function following(name: string, value: JsonObject): { readonly length: number; readonly gzipped: boolean } {
  const gzipped = value['encoding'] === 'gzip'
  const length = (gzipped ? value['encoded_length'] : undefined) ?? value['length']
  if (typeof length === 'number' && Number.isSafeInteger(length) && length >= 0) return { length, gzipped }
  throw new Problem('bad_request', `Attachment ${name}: what follows needs a length`)
}

function position(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function digestOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value.startsWith('md5-') ? value.slice(4) : undefined
}

/** Bytes of base64 text, line ends and spaces left out as CouchDB does; `undefined` when it is none. */
function decoded(value: Json | undefined): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined
  const text = /\s/.test(value) ? value.replaceAll(/\s+/g, '') : value
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}
