/** `_changes` as CouchDB speaks it. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { readOptionalJson } from '../http/body.ts'
import { sendChanges } from '../http/changes-feed.ts'
import { type ChangesText, type ChangesWords, changesText, parseChanges } from '../http/changes-request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { noDocument } from './errors.ts'
import { requireJson } from './request.ts'
import type { CouchdbServices } from './services.ts'

const noJavaScript =
  'JavaScript does not run here: filter=_selector with a selector, _doc_ids or _design serve instead of filter functions.'

const words: ChangesWords = {
  zeroIsUnlimited: false,
  bad(name, value) {
    switch (name) {
      case 'feed':
        return new Problem('bad_request', 'Supported `feed` types: normal, continuous, live, longpoll, eventsource')
      case 'style':
        return new Problem('bad_request', '`style` must be main_only or all_docs.')
      case 'seq_interval':
        return new Problem('bad_request', 'invalid_seq_interval')
      case 'heartbeat':
        return new Problem('bad_request', 'The heartbeat value should be a positive integer (in milliseconds).')
      default:
        return new Problem('query_parse_error', `Invalid value for integer: ${JSON.stringify(value)} (${name})`)
    }
  },
  badFilter(value) {
    if (value === '_view') return new Problem('not_implemented', noJavaScript)
    if (value.startsWith('_')) return new Problem('bad_request', 'unknown builtin filter name')
    return new Problem('bad_request', 'filter parameter must be of the form `designname/filtername`')
  },
}

export function changesRoutes(face: Face, services: CouchdbServices): void {
  const { documents, limits } = services
  const declaration = {
    path: '/couchdb/{db}/_changes',
    tag: 'CouchDB: replication',
    needs: 'GET on the whole database',
    query: changesText,
    headers: { 'Last-Event-ID': 'Instead of since, for feed=eventsource' },
    answers: {
      200: z
        .object({ results: z.array(z.object({})), last_seq: z.string(), pending: z.int() })
        .describe('One row a document, by its latest sequence; lines or events when the feed is one of those'),
      400: 'A parameter or the filter is malformed.',
      404: 'There is no such database, or no such filter.',
      501: 'The filter is a JavaScript function.',
    },
  } as const

  endpoint(
    face,
    { ...declaration, method: 'GET', summary: 'Read or follow the changes' },
    async (c, { path, query }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      return send(c, ref, query, undefined)
    },
  )

  endpoint(
    face,
    {
      ...declaration,
      method: 'POST',
      summary: 'Read or follow the changes, with a filter in the body',
      body: z.object({ doc_ids: z.array(z.string()).optional(), selector: z.object({}).optional() }),
      answers: { ...declaration.answers, 415: 'Not announced as JSON.' },
    },
    async (c, { path, query }) => {
      const { ref } = await enterWhole(c, services, path.db, 'GET', 'read')
      requireJson(c)
      return send(c, ref, query, (await readOptionalJson(c, { maxBytes: limits.maxRequestBytes }))?.value)
    },
  )

  async function send(c: HttpContext, ref: DatabaseRef, text: ChangesText, body: Json | undefined): Promise<Response> {
    await refuseFunctions(ref, text.filter)
    const request = parseChanges(text, body, header(c, 'last-event-id'), words)
    return await sendChanges(c, documents, ref, request)
  }

  /** `DESIGN/NAME` is a filter function: one that exists cannot be run, one that does not is 404. */
  async function refuseFunctions(ref: DatabaseRef, filter: string | undefined): Promise<void> {
    const [design, name, ...more] = (filter ?? '').split('/')
    if (!design || design.startsWith('_') || !name || more.length > 0) return
    const read = await documents.read(ref, `_design/${design}`)
    if (read.kind !== 'found') throw noDocument(read.kind === 'deleted' ? 'deleted' : 'missing')
    const { value } = parseJson(read.document.text)
    const filters = isObject(value) ? value['filters'] : undefined
    if (!isObject(filters)) throw new Problem('not_found', 'missing json key: filters')
    if (!Object.hasOwn(filters, name)) throw new Problem('not_found', `missing json key: ${name}`)
    throw new Problem('not_implemented', noJavaScript)
  }
}
