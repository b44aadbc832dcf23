/** The parameters of `_changes`. Each face decides how it answers a bad one. */
import { z } from '@hono/zod-openapi'
import type { ChangesFilter, ChangesQuery } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'

/** All of them as text, for a route's declaration; also the list of those that are allowed where others are refused. */
export const changesText = z.object({
  feed: z.string().optional().describe('normal (default), longpoll, continuous (or live), eventsource'),
  since: z.string().optional().describe('Rows behind this sequence; now: only what is yet to come'),
  limit: z.string().optional().describe('At most so many rows'),
  descending: z.string().optional().describe('true: latest first, since is ignored'),
  include_docs: z.string().optional().describe('true: add the documents'),
  conflicts: z.string().optional().describe('true: with include_docs, add _conflicts'),
  style: z.string().optional().describe('main_only (default): the winner; all_docs: all leaves'),
  filter: z.string().optional().describe('_doc_ids, _selector (both with a body) or _design'),
  doc_ids: z.string().optional().describe('JSON array of ids for filter=_doc_ids, instead of a body'),
  heartbeat: z.string().optional().describe('Milliseconds between signs of life while waiting; true: 60000'),
  timeout: z.string().optional().describe('Milliseconds after which a feed that waits ends; at most 60000'),
  'last-event-id': z.string().optional().describe('The same as since'),
  seq_interval: z.string().optional().describe('Accepted; every row has its sequence anyway'),
  attachments: z.string().optional().describe('true: with include_docs, attachments with their content'),
  att_encoding_info: z.string().optional().describe('Accepted: attachments that are kept packed say so anyway'),
  view: z.string().optional().describe('Not supported'),
})

export type ChangesText = z.output<typeof changesText>

/** How rows are written: one JSON body, one line each, or server-sent events. */
export type ChangesFormat = 'body' | 'lines' | 'events'

export interface ChangesRequest {
  readonly query: ChangesQuery
  readonly format: ChangesFormat
}

/** How a face reports values that it does not accept. */
export interface ChangesWords {
  bad(name: 'feed' | 'style' | 'limit' | 'heartbeat' | 'timeout' | 'seq_interval', value: string): Problem
  /** An unknown filter. */
  badFilter(value: string): Problem
  /** Means all rows; otherwise none. */
  readonly zeroIsUnlimited: boolean
}

/** Longest wait, and the default one; also the default heartbeat. Milliseconds. */
const longestWait = 60_000
/** The shortest heartbeat: a shorter one would only waste CPU. Milliseconds. */
const shortestPulse = 10

/** `body` is absent for GET and for an empty POST. `lastEventId` is the header, which counts for event sources only. */
export function parseChanges(
  text: ChangesText,
  body: Json | undefined,
  lastEventId: string | undefined,
  words: ChangesWords,
): ChangesRequest {
  const feed = text.feed ?? 'normal'
  const format = formats.get(feed)
  if (format === undefined) throw words.bad('feed', feed)
  const style = text.style ?? 'main_only'
  if (style !== 'main_only' && style !== 'all_docs') throw words.bad('style', style)
  const limit = count(text.limit, 'limit', words)
  const timeout = count(text.timeout, 'timeout', words) ?? longestWait
  count(text.seq_interval, 'seq_interval', words)
  const query: ChangesQuery = {
    feed: feed === 'normal' || feed === 'longpoll' ? feed : 'continuous',
    since: (format === 'events' ? lastEventId : undefined) ?? text['last-event-id'] ?? text.since,
    limit: limit === 0 && words.zeroIsUnlimited ? undefined : limit,
    descending: text.descending === 'true',
    includeDocs: text.include_docs === 'true',
    attachments: text.attachments === 'true',
    conflicts: text.conflicts === 'true',
    style,
    filter: filterOf(text, body, words),
    heartbeatMs: heartbeat(text.heartbeat, words),
    timeoutMs: Math.min(longestWait, timeout),
  }
  return { query, format }
}

const formats: ReadonlyMap<string, ChangesFormat> = new Map([
  ['normal', 'body'],
  ['longpoll', 'body'],
  ['continuous', 'lines'],
  ['live', 'lines'],
  ['eventsource', 'events'],
])

function count(
  text: string | undefined,
  name: 'limit' | 'timeout' | 'seq_interval',
  words: ChangesWords,
): number | undefined {
  if (text === undefined) return undefined
  if (!/^\+?\d+$/.test(text)) throw words.bad(name, text)
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}

function heartbeat(text: string | undefined, words: ChangesWords): number | undefined {
  if (text === undefined || text === 'false') return undefined
  if (text === 'true') return longestWait
  if (!/^\+?\d+$/.test(text) || Number(text) === 0) throw words.bad('heartbeat', text)
  return Math.max(shortestPulse, Math.min(longestWait, Number(text)))
}

function filterOf(text: ChangesText, body: Json | undefined, words: ChangesWords): ChangesFilter | undefined {
  if (body !== undefined && !isObject(body)) throw new Problem('bad_request', 'Request body must be a JSON object')
  switch (text.filter ?? '') {
    case '':
      return undefined
    case '_design':
      return { kind: 'designs' }
    case '_doc_ids': {
      const ids = body?.['doc_ids'] ?? (text.doc_ids === undefined ? undefined : parseJson(text.doc_ids).value)
      if (ids === undefined) throw new Problem('bad_request', 'no_doc_ids_provided')
      if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
        throw new Problem('bad_request', '`doc_ids` filter parameter is not a list of doc ids.')
      }
      return { kind: 'ids', ids }
    }
    case '_selector': {
      const selector = body?.['selector']
      if (selector === undefined) throw new Problem('bad_request', 'Selector must be specified in POST payload')
      if (!isObject(selector)) throw new Problem('bad_request', 'Selector error: expected a JSON object')
      return { kind: 'selector', selector, fields: body?.['fields'] }
    }
    default:
      throw words.badFilter(text.filter ?? '')
  }
}
