/** `_all_docs` and its relatives as CouchDB speaks them: parameters, rows, envelope. */
import { z } from '@hono/zod-openapi'
import type { AllDocsAnswer, AllDocsQuery, AllDocsRow } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import type { Filling } from './attachment.ts'
import { booleanParameter, countParameter, jsonParameter, textParameter } from './parameters.ts'
import { query } from './query.ts'
import type { HttpContext } from './router.ts'
import { streamJson } from './stream.ts'

const parameters = z.object({
  include_docs: booleanParameter(false),
  attachments: booleanParameter(false),
  conflicts: booleanParameter(false),
  descending: booleanParameter(false),
  inclusive_end: booleanParameter(true),
  update_seq: booleanParameter(false),
  limit: countParameter(),
  skip: countParameter(),
  key: jsonParameter(),
  keys: jsonParameter(),
  startkey: jsonParameter(),
  start_key: jsonParameter(),
  endkey: jsonParameter(),
  end_key: jsonParameter(),
  startkey_docid: textParameter(),
  start_key_doc_id: textParameter(),
  endkey_docid: textParameter(),
  end_key_doc_id: textParameter(),
})

/** The parameters as text, for a route's declaration: the body of a POST may add to them before they are parsed. */
export const allDocsText = z.object({
  include_docs: z.string().optional().describe('true: add the documents'),
  attachments: z.string().optional().describe('true: with include_docs, attachments with their content'),
  att_encoding_info: z.string().optional().describe('Accepted: attachments that are kept packed say so anyway'),
  conflicts: z.string().optional().describe('true: with include_docs, add _conflicts'),
  descending: z.string().optional().describe('true: from the last id to the first; startkey is then the higher bound'),
  inclusive_end: z.string().optional().describe('false: leave out the row of endkey'),
  update_seq: z.string().optional().describe("true: add the database's sequence"),
  limit: z.string().optional().describe('At most so many rows'),
  skip: z.string().optional().describe('Leave out so many rows'),
  key: z.string().optional().describe('JSON text of the one id wanted'),
  keys: z.string().optional().describe('JSON array of ids: rows in this order'),
  startkey: z.string().optional().describe('JSON text of the first id'),
  start_key: z.string().optional().describe('The same as startkey'),
  endkey: z.string().optional().describe('JSON text of the last id'),
  end_key: z.string().optional().describe('The same as endkey'),
  startkey_docid: z.string().optional().describe('The first id, not JSON; used when there is no startkey'),
  start_key_doc_id: z.string().optional().describe('The same as startkey_docid'),
  endkey_docid: z.string().optional().describe('The last id, not JSON; used when there is no endkey'),
  end_key_doc_id: z.string().optional().describe('The same as endkey_docid'),
})

export interface Listing extends AllDocsQuery {
  /** Add `update_seq` to the envelope. */
  readonly updateSeq: boolean
}

/** Parses the parameters of one listing. Throws `query_parse_error` or `bad_request`. */
export function parseListing(text: z.output<typeof allDocsText>, designs: AllDocsQuery['designs']): Listing {
  const asked = parameters.parse(text)
  const { include_docs: includeDocs, attachments, conflicts, descending, limit, skip = 0 } = asked
  const startKey = asked.key ?? asked.startkey ?? asked.start_key
  const endKey = asked.key ?? asked.endkey ?? asked.end_key
  const common = { descending, skip, limit, includeDocs, attachments, conflicts, designs, updateSeq: asked.update_seq }
  if (asked.keys === undefined) {
    const start = startKey ?? asKey(asked.startkey_docid ?? asked.start_key_doc_id)
    const end = endKey ?? asKey(asked.endkey_docid ?? asked.end_key_doc_id)
    return {
      ...common,
      start: start && bound(start.json, true, descending ? 'high' : 'low'),
      end: end && bound(end.json, asked.inclusive_end, descending ? 'low' : 'high'),
    }
  }
  const keys = asked.keys.json
  if (!Array.isArray(keys)) throw new Problem('bad_request', '`keys` parameter must be an array.')
  if (keys.length > 0 && (startKey ?? endKey) !== undefined) {
    throw new Problem('query_parse_error', '`keys` is incompatible with `key`, `start_key` and `end_key`')
  }
  return { ...common, keys }
}

type Text = z.output<typeof allDocsText>

/**
 * The parameters of a query string with `key` as the pair of bounds that it stands for: of `key`, `startkey` and `endkey` the
 * last one wins.
 */
export function lastBounds(c: HttpContext, text: Text): Text {
  return text.key === undefined ? text : { ...text, ...boundsOf(query(c).entries) }
}

const bounds: Readonly<Record<string, 'startkey' | 'endkey'>> = {
  startkey: 'startkey',
  start_key: 'startkey',
  endkey: 'endkey',
  end_key: 'endkey',
}

/** Bounds from members in their order, under one name each. */
function boundsOf(members: Iterable<readonly [name: string, value: string]>) {
  const found: { startkey?: string; endkey?: string } = {}
  for (const [name, value] of members) {
    if (name === 'key') Object.assign(found, { startkey: value, endkey: value })
    else if (bounds[name] !== undefined) found[bounds[name]] = value
  }
  return { ...found, key: undefined, start_key: undefined, end_key: undefined }
}

/** Members of a POST body as text parameters, so that both are parsed by one rule; the query string wins. */
export function withBody(text: z.output<typeof allDocsText>, body: Json | undefined): z.output<typeof allDocsText> {
  if (body === undefined) return text
  if (!isObject(body)) throw new Problem('bad_request', 'Request body must be a JSON object')
  if (body['keys'] !== undefined && !Array.isArray(body['keys'])) {
    throw new Problem('bad_request', '`keys` body member must be an array.')
  }
  const members: Record<string, string> = {}
  for (const [name, value] of Object.entries(body)) {
    if (!Object.hasOwn(allDocsText.shape, name)) continue
    members[name] = typeof value === 'string' && !jsonNames.has(name) ? value : stringifyJson(value)
  }
  const asked = Object.entries(text).filter(([, value]) => value !== undefined)
  const ofBody = members['key'] === undefined ? members : { ...members, ...boundsOf(Object.entries(members)) }
  return { ...ofBody, ...Object.fromEntries(asked) }
}

/** Local documents are not counted. */
type Listed = Pick<AllDocsAnswer, 'offset' | 'updateSeq' | 'rows'> & { readonly totalRows: number | null }

/** Streams the whole answer. `fill` where attachments are wanted. */
export function sendListing(c: HttpContext, answer: Listed, listing: Listing, fill?: Filling): Promise<Response> {
  const rows = joinRows(answer.rows, (row) => rowText(row, listing.includeDocs))
  return streamJson(c, listingHead(answer, listing), fill?.(rows) ?? gathered(rows), ']}')
}

/** Characters that are put together before anything is sent. */
const gatheredSize = 500_000

/** Small pages as one, so that a short answer needs no stream, which costs as much as the rest of it. */
async function* gathered(pages: AsyncIterable<string>): AsyncIterable<string> {
  let text = ''
  for await (const page of pages) {
    text += page
    if (text.length < gatheredSize) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

/** The envelope up to the first row. CouchDB tells no sequence when keys are asked for. */
export function listingHead(answer: Omit<Listed, 'rows'>, { updateSeq, keys }: Listing): string {
  const told = keys === undefined ? JSON.stringify(answer.updateSeq) : 'null'
  const sequence = updateSeq ? `"update_seq":${told},` : ''
  return `{"total_rows":${answer.totalRows},"offset":${answer.offset},${sequence}"rows":[`
}

/** Pages of JSON array members: commas between them, none in front. Rows printed as `undefined` are left out. */
export async function* joinRows<Row>(
  pages: AsyncIterable<readonly Row[]>,
  print: (row: Row) => string | undefined,
): AsyncIterable<string> {
  let separator = ''
  for await (const page of pages) {
    const rows = page.map(print).filter((text) => text !== undefined)
    if (rows.length === 0) continue
    yield separator + rows.join(',\n')
    separator = ',\n'
  }
}

/** One row as CouchDB prints it. */
export function rowText(row: AllDocsRow, includeDocs: boolean): string {
  if (row.kind === 'not_found') return `{"key":${stringifyJson(row.key)},"error":"not_found"}`
  const id = JSON.stringify(row.id)
  const value = `{"rev":${JSON.stringify(row.rev)}${row.kind === 'deleted' ? ',"deleted":true' : ''}}`
  const document = row.kind === 'found' ? row.document?.text : undefined
  return `{"id":${id},"key":${id},"value":${value}${includeDocs ? `,"doc":${document ?? 'null'}` : ''}}`
}

const jsonNames = new Set(['key', 'keys', 'startkey', 'start_key', 'endkey', 'end_key'])

function asKey(id: string | undefined): { readonly json: Json } | undefined {
  return id === undefined ? undefined : { json: id }
}

/**
 * CouchDB orders every value that is not a string before all ids; no id is empty. No id holds U+0000 either, and a store
 * may refuse it: an id with it lies directly after the part before it.
 */
function bound(key: Json, inclusive: boolean, side: 'low' | 'high'): { id: string; inclusive: boolean } {
  if (typeof key !== 'string') return { id: '', inclusive }
  const nul = key.indexOf('\u0000')
  return nul < 0 ? { id: key, inclusive } : { id: key.slice(0, nul), inclusive: side === 'high' }
}
