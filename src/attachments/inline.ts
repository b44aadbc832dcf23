/**
 * Attachments inside of documents (`attachments=true`). Contents may be large, so a document is first made with a mark in
 * the place of each, and marks are replaced by base64 while the answer is sent. A mark is enclosed in two U+0001, which no
 * JSON text contains unescaped.
 */
import { Buffer } from 'node:buffer'
import type { Content } from '../../storage/documents/contract.ts'
import { parseJson } from '../model/json/exact.ts'
import { isObject } from '../model/json/value.ts'
import { inflated } from './gzip.ts'
import { mayHaveAttachments, membersWith, partsOf, type Stub, stubOf } from './stubs.ts'

const edge = '\u0001'
const mark = /"data":"\u0001([^ ]*) (\d+)( gzip)?\u0001"/g

/** True when a text has marks to replace. */
export function hasMarks(text: string): boolean {
  return text.includes(edge)
}

/**
 * A document with the attachments that are newer than generation `since`; the others stay stubs. `_attachments` becomes
 * the last member, as with CouchDB.
 */
export function markedText(text: string, since = 0): string {
  if (!mayHaveAttachments(text)) return text
  const { members, stubs } = partsOf(text)
  if (stubs.size === 0) return text
  const attachments = [...stubs].map(([name, { contentType, digest, length, revpos, encoding }]) => {
    const packed = encoding === undefined ? '' : `,"encoding":"${encoding}","encoded_length":${length}`
    const common = `"content_type":${JSON.stringify(contentType)},"revpos":${revpos},"digest":"md5-${digest}"`
    const data =
      revpos > since
        ? `"data":"${edge}${digest} ${length}${encoding === undefined ? '' : ' gzip'}${edge}"`
        : `"length":${length},"stub":true${packed}`
    return `${JSON.stringify(name)}:{${common},${data}}`
  })
  return membersWith(members, `"_attachments":{${attachments.join(',')}}`)
}

/** The attachments of a marked document that have marks, in their order. */
export function markedContents(text: string): readonly (Stub & { readonly name: string })[] {
  if (!hasMarks(text)) return []
  const { value } = parseJson(followingText(text))
  const attachments = isObject(value) ? value['_attachments'] : undefined
  if (!isObject(attachments)) return []
  return Object.entries(attachments).flatMap(([name, members]) =>
    isObject(members) && members['follows'] === true ? [{ ...stubOf(members), name }] : [],
  )
}

/** A marked document in which the attachments are declared to follow it. */
export function followingText(text: string): string {
  return text.replaceAll(mark, (_mark, _digest, length: string, packed: string | undefined) => {
    const encoding = packed === undefined ? '' : `,"encoding":"gzip","encoded_length":${length}`
    return `"length":${length},"follows":true${encoding}`
  })
}

/** The texts with contents in place of marks, in parts of any size. `open` returns the bytes of content. */
export async function* withContents(
  texts: AsyncIterable<string>,
  open: (content: Content) => Promise<AsyncIterable<Uint8Array>>,
): AsyncGenerator<string> {
  for await (const text of texts) {
    if (!hasMarks(text)) {
      yield text
      continue
    }
    for (const [at, part] of text.split(edge).entries()) {
      if (at % 2 === 1) {
        const bytes = await open(markedContent(part))
        yield* base64(part.endsWith(' gzip') ? inflated(bytes) : bytes)
      } else if (part !== '') yield part
    }
  }
}

function markedContent(mark: string): Content {
  const [digest = '', length] = mark.split(' ')
  return { digest, length: Number(length) }
}

/** Three bytes become four characters: the remainder waits for the next chunk. */
async function* base64(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Uint8Array = new Uint8Array()
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole = bytes.length - (bytes.length % 3)
    if (whole > 0) yield Buffer.from(bytes.buffer, bytes.byteOffset, whole).toString('base64')
    rest = bytes.subarray(whole)
  }
  if (rest.length > 0) yield Buffer.from(rest.buffer, rest.byteOffset, rest.length).toString('base64')
}
