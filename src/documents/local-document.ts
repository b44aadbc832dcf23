/** A `_local` document as a client sends it: its id, its revision `0-N`, its body. */
import { Buffer } from 'node:buffer'
import { Problem } from '../model/errors.ts'
import type { ParsedJson } from '../model/json/exact.ts'
import { isObject } from '../model/json/value.ts'
import { maxIdBytes, prepareDocument } from './document.ts'

export const localPrefix = '_local/'

/** A local document as a client sent it. */
export interface PreparedLocal {
  /** With `_local/` in front. */
  readonly id: string
  /** The N of the `0-N` that the client read. */
  readonly n: number | undefined
  readonly deleted: boolean
  /** `_type`, never stored. */
  readonly type: string | undefined
  readonly text: string
}

/** The N of `0-N`. Throws `bad_request` for anything else. */
export function parseLocalRevision(text: unknown): number {
  const match = typeof text === 'string' ? /^0-(\d{1,15})$/.exec(text) : null
  if (match === null) throw new Problem('bad_request', 'Invalid rev format')
  return Number(match[1])
}

export function formatLocalRevision(n: number): string {
  return `0-${n}`
}

/** Checks an id with its prefix. Throws `illegal_docid`. */
export function checkLocalId(id: string): void {
  const name = id.slice(localPrefix.length)
  if (name === '') throw new Problem('illegal_docid', 'Illegal document id `_local/`')
  if (name.includes('\u0000')) throw new Problem('illegal_docid', 'Document id must not contain U+0000')
  if (Buffer.byteLength(id) > maxIdBytes) {
    throw new Problem('illegal_docid', `Document id is too long: at most ${maxIdBytes} bytes`)
  }
}

/**
 * A local document out of a body; the id given wins over `_id`. Throws what `prepareDocument` throws, and `bad_request`
 * for a revision that is not a `0-N`. A history is of no use to it and is left out.
 */
export function prepareLocal(body: ParsedJson, id: string, maxBytes: number): PreparedLocal {
  checkLocalId(id)
  const { value } = body
  const n = isObject(value) && value['_rev'] !== undefined ? parseLocalRevision(value['_rev']) : undefined
  const prepared = prepareDocument(withoutNames(body), { maxBytes, id, replicatorMembers: true })
  return { id, n, deleted: prepared.deleted, type: prepared.type, text: prepared.body.text }
}

/** Without the members that have another meaning in a local document. */
function withoutNames({ value, exact }: ParsedJson): ParsedJson {
  if (!isObject(value) || !isObject(exact)) return { value, exact }
  const { _id, _rev, _revisions, ...members } = value
  const { _id: id, _rev: rev, _revisions: revisions, ...printed } = exact
  return { value: members, exact: printed }
}
