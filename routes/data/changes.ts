/** `_changes` of the data API: CouchDB's, with an allow-list of parameters and words of its own. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import type { Json } from '../../src/model/json/value.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { readOptionalJson } from '../http/body.ts'
import { sendChanges } from '../http/changes-feed.ts'
import { type ChangesText, type ChangesWords, changesText, parseChanges } from '../http/changes-request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { query } from '../http/query.ts'
import { type HttpContext, header } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { requestProblem } from './errors.ts'
import type { DataServices } from './services.ts'

/** Names that clients send but that have no effect, and the one that carries the token. */
const ignored = ['_nonce', 'update_seq', 'return_docs', 'batch_size', 'bearer_token']
const allowed = new Set([...Object.keys(changesText.shape), ...ignored])

/** The original's spelling. */
const words: ChangesWords = {
  zeroIsUnlimited: true,
  bad(name, value) {
    if (name === 'feed' || name === 'style') return requestProblem(`Unsuported ${name} value '${value}'`)
    return requestProblem(`Invalid ${name} value '${value}'`)
  },
  badFilter: (value) => requestProblem(`Unsuported filter value '${value}'`),
}

export function changesRoutes(own: Face, { documents, instances, limits }: DataServices): void {
  const declaration = {
    path: '/data/{type}/_changes',
    tag: 'replication',
    needs: 'GET on the whole doctype',
    query: changesText,
    headers: { 'Last-Event-ID': 'Instead of since, for feed=eventsource' },
    answers: {
      200: z.object({ results: z.array(z.looseObject({})), last_seq: z.string(), pending: z.number() }),
      400: 'A parameter is unknown or malformed',
      404: 'No such doctype',
    },
  } as const

  endpoint(own, { ...declaration, method: 'GET', summary: 'Read or follow the changes' }, async (c, input) => {
    const { ref } = await enterWhole(c, instances, input.path.type, 'GET', 'read')
    return send(c, ref, input.query, undefined)
  })

  endpoint(
    own,
    {
      ...declaration,
      method: 'POST',
      summary: 'Read or follow the changes of some documents',
      body: z.looseObject({ doc_ids: z.array(z.string()).optional(), selector: z.looseObject({}).optional() }),
    },
    async (c, input) => {
      const { ref } = await enterWhole(c, instances, input.path.type, 'GET', 'read')
      return send(c, ref, input.query, await body(c))
    },
  )

  async function body(c: HttpContext): Promise<Json | undefined> {
    try {
      return (await readOptionalJson(c, { maxBytes: limits.maxRequestBytes }))?.value
    } catch (error) {
      if (error instanceof Problem && error.code === 'bad_request') throw requestProblem(error.reason)
      throw error
    }
  }

  async function send(c: HttpContext, ref: DatabaseRef, text: ChangesText, body: Json | undefined): Promise<Response> {
    for (const [name] of query(c).entries) {
      if (!allowed.has(name)) throw requestProblem(`Unsupported query parameter '${name}'`)
    }
    if (text.view !== undefined) throw requestProblem("Unsupported query parameter 'view'")
    const request = parseChanges(text, body, header(c, 'last-event-id'), words)
    const answer = await sendChanges(c, documents, ref, request)
    return answer
  }
}
