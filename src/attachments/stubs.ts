/** Attachments in a stored body: its member `_attachments` has a stub for each. */

import { hash } from 'node:crypto'
import type { Content } from '../../storage/documents/contract.ts'
import type { ObjectBody } from '../model/body.ts'
import { compareBytes } from '../model/compare-bytes.ts'
import { needsRaw, type ParsedJson, parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'

/** What a document says of one attachment. */
export interface Stub extends Content {
  readonly contentType: string
  /** Generation of the revision in which it was attached. */
  readonly revpos: number
  /** The content is kept as it came, packed: digest and length are of the packed bytes. */
  readonly encoding?: 'gzip' | undefined
}

/** By name. */
export type Stubs = ReadonlyMap<string, Stub>

export const noStubs: Stubs = new Map()

/** A stored body taken apart. */
export interface StoredParts {
  /** The members without `_attachments`. */
  readonly members: ParsedJson & { readonly value: JsonObject }
  readonly stubs: Stubs
}

/** False when the text certainly has no attachments, which is found without parsing it. */
export function mayHaveAttachments(text: string): boolean {
  return text.includes('"_attachments"')
}

/** The attachments in a stored body. */
export function stubsOf(text: string): Stubs {
  if (!mayHaveAttachments(text)) return noStubs
  const { value } = parseJson(text)
  return isObject(value) ? parsedStubs(value['_attachments']) : noStubs
}

/** A stored body, or a document as a client sees it, without its attachments, and these. */
export function partsOf(text: string): StoredParts {
  const { value, exact } = parseJson(text)
  if (!isObject(value) || !isObject(exact)) throw new Error('a stored body is not an object')
  const { _attachments: stubs, ...members } = value
  const { _attachments: _, ...printed } = exact
  return { members: { value: members, exact: value === exact ? members : printed }, stubs: parsedStubs(stubs) }
}

/** A body with attachments. The digest is that of their names, types and digests too. */
export function withStubs(body: ObjectBody, stubs: Stubs): ObjectBody {
  if (stubs.size === 0) return body
  const sorted = [...stubs].sort(([a], [b]) => compareNames(a, b))
  const members = sorted.map(([name, stub]): [string, JsonObject] => [name, stubMembers(stub)])
  const json = `{${members.map(([name, stub]) => `${JSON.stringify(name)}:${JSON.stringify(stub)}`).join(',')}}`
  const text = body.text === '{}' ? `{"_attachments":${json}}` : `${body.text.slice(0, -1)},"_attachments":${json}}`
  const named = sorted.map(([name, { contentType, digest, encoding }]) => [
    ...[name, contentType, digest],
    ...(encoding === undefined ? [] : [encoding]),
  ])
  return {
    ...body,
    text,
    raw: body.raw || needsRaw(json),
    digest: hash('md5', `${body.digest},${JSON.stringify(named)}`, 'hex'),
    value: { ...body.value, _attachments: Object.fromEntries(members) },
  }
}

/** The members of a document as text, followed by `more`. */
export function membersWith({ exact }: ParsedJson, more: string): string {
  const text = stringifyJson(exact)
  return text === '{}' ? `{${more}}` : `${text.slice(0, -1)},${more}}`
}

/** A stub as every reader sees it, in jsonb's order of members. */
function stubMembers({ contentType, digest, length, revpos, encoding }: Stub): JsonObject {
  const base = { stub: true, digest: `md5-${digest}`, length, revpos }
  if (encoding === undefined) return { ...base, content_type: contentType }
  return { ...base, encoding, content_type: contentType, encoded_length: length }
}

function parsedStubs(value: Json | undefined): Stubs {
  if (!isObject(value)) return noStubs
  return new Map(Object.entries(value).map(([name, members]): [string, Stub] => [name, stubOf(members as JsonObject)]))
}

/** A stub, made from its members in a stored document. */
export function stubOf({ content_type, digest, length, revpos, encoding }: JsonObject): Stub {
  return {
    contentType: `${content_type}`,
    digest: `${digest}`.slice('md5-'.length),
    length: Number(length),
    revpos: Number(revpos),
    ...(encoding === 'gzip' ? { encoding } : {}),
  }
}

/** jsonb's order, so that it gives the text back: by length in bytes, then by bytes. */
function compareNames(a: string, b: string): number {
  return Buffer.byteLength(a) - Buffer.byteLength(b) || compareBytes(a, b)
}
