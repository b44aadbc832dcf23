/** Reads the pages of a listing (Amazon S3, ListObjectsV2) so strictly that a truncated page never passes for the last one. */
import { XMLParser } from 'fast-xml-parser'
import { s3Error, unquoted } from './answers.ts'

export interface ListedKey {
  readonly key: string
  readonly etag: string
  readonly size: number
  readonly modifiedMs: number
}

export interface KeyPage {
  readonly keys: readonly ListedKey[]
  /** Where to go on; `undefined` at the end. */
  readonly next: string | undefined
}

/** Values stay strings: `007` and `1e5` are names of objects, not numbers. */
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === 'Contents',
})

interface Contents {
  readonly Key?: unknown
  readonly ETag?: unknown
  readonly Size?: unknown
  readonly LastModified?: unknown
}

/** The query of a page. Keys are asked for percent-encoded, since XML cannot hold all of them. */
export function listingQuery(prefix: string, { after, next }: { after: string; next: string }, limit: number): string {
  const query = [
    ['list-type', '2'],
    ['encoding-type', 'url'],
    ['prefix', prefix],
    ['max-keys', `${limit}`],
    ...(next === '' ? [] : [['continuation-token', next]]),
    ...(after === '' ? [] : [['start-after', after]]),
  ]
  return query
    .map(([name, value = '']) => `${name}=${escaped(value)}`)
    .sort()
    .join('&')
}

/** As signatures want it (RFC 3986, section 2.3). */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** @throws Error when the answer is an error, was cut, or does not say where it goes on */
export function keyPageOf(xml: string): KeyPage {
  const code = /<Error>[\s\S]*?<Code>([^<]*)/.exec(xml)?.[1]
  if (code !== undefined) throw s3Error(code)
  if (!/<\/ListBucketResult>\s*$/.test(xml)) throw new Error('the listing broke off')
  const { ListBucketResult: page } = parser.parse(xml) as { ListBucketResult?: Readonly<Record<string, unknown>> }
  if (page === undefined) throw s3Error('InvalidResponse', 'the answer is not a listing')
  const contents = (page['Contents'] ?? []) as readonly Contents[]
  const isEncoded = page['EncodingType'] === 'url'
  const keys = contents.map((one) => keyOf(one, isEncoded))
  const isTruncated = String(page['IsTruncated'])
  if (isTruncated === 'false') return { keys, next: undefined }
  const next = textOf(page['NextContinuationToken'])
  if (isTruncated !== 'true' || next === '') {
    throw s3Error('InvalidResponse', 'the listing does not say whether and where it goes on')
  }
  return { keys, next }
}

function keyOf({ Key, ETag, Size, LastModified }: Contents, isEncoded: boolean): ListedKey {
  const key = textOf(Key)
  const size = textOf(Size)
  if (key === '' || !/^\d{1,15}$/.test(size)) throw s3Error('InvalidResponse', 'the listing holds no valid object')
  return {
    key: isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key,
    etag: unquoted(textOf(ETag)),
    size: Number(size),
    modifiedMs: Date.parse(textOf(LastModified)) || 0,
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
