/** Design documents: read, list, copy, delete. Like indexes they need GET only. */

import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { parseRevision } from '../../src/model/revision.ts'
import { allDocsText, lastBounds, parseListing, sendListing } from '../http/all-docs.ts'
import { jsonText, jsonValue, notModified, revisionTag } from '../http/answer.ts'
import { filling } from '../http/attachment.ts'
import { unchanged } from '../http/conditional.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { parsedRevision } from '../http/if-match.ts'
import { textParameter } from '../http/parameters.ts'
import { readQuery } from '../http/read-query.ts'
import { header, headerReader } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { bareProblem, documentConflict } from './errors.ts'
import { designDestination } from './request.ts'
import type { DataServices } from './services.ts'

const path = '/data/{type}/_design/{ddoc}'
const tag = 'design documents'
const needs = 'GET on the whole doctype'

export function designRoutes(own: Face, couch: Face, { documents, instances }: DataServices): void {
  endpoint(
    couch,
    {
      method: 'GET',
      path: '/data/{type}/_design_docs',
      summary: 'List design documents',
      tag,
      needs,
      query: allDocsText,
      answers: { 200: z.object({ total_rows: z.number(), offset: z.number(), rows: z.array(z.looseObject({})) }) },
    },
    async (c, { path: { type }, query }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const listing = parseListing(lastBounds(c, query), 'only')
      const answer = await documents.allDocs(ref, listing)
      return sendListing(c, answer, listing, filling(documents, ref, listing.attachments))
    },
  )

  endpoint(
    couch,
    {
      method: 'GET',
      path,
      summary: 'Read a design document',
      tag,
      needs,
      query: readQuery,
      answers: { 200: z.looseObject({ _id: z.string(), _rev: z.string() }), 304: 'Not modified', 404: 'missing' },
    },
    async (c, { path: { type, ddoc }, query }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const outcome = await documents.read(ref, `_design/${ddoc}`, query.options)
      if (outcome.kind !== 'found') throw new Problem('not_found', outcome.kind)
      if (!query.tagged) return jsonText(c, 200, outcome.document.text)
      const etag = revisionTag(outcome.document.rev)
      if (unchanged(headerReader(c), { etag })) return notModified({ etag })
      return jsonText(c, 200, outcome.document.text, { etag })
    },
  )

  endpoint(
    own,
    {
      method: 'POST',
      path: `${path}/copy`,
      summary: 'Copy a design document; the copy shares the index',
      tag,
      needs,
      query: z.object({ rev: textParameter().describe('Revision of the source') }),
      headers: { Destination: 'Id of the copy, `_design/` in front; `?rev=` behind it overwrites' },
      answers: { 201: 'Copied', 400: 'No Destination', 404: 'missing', 409: 'The destination exists' },
    },
    async (c, { path: { type, ddoc }, query }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const rev = parsedRevision(query.rev)
      const to = designDestination(header(c, 'destination'))
      const outcome = await documents.copy(ref, { id: `_design/${ddoc}`, rev }, to)
      if (outcome.kind === 'ok') return jsonValue(c, 201, { ok: true, id: outcome.id, rev: outcome.rev })
      if (outcome.kind === 'conflict') throw documentConflict()
      throw outcome.kind === 'forbidden'
        ? new Problem('forbidden', outcome.reason)
        : new Problem('not_found', outcome.kind)
    },
  )

  endpoint(
    couch,
    {
      method: 'DELETE',
      path,
      summary: 'Delete a design document',
      tag,
      needs,
      query: z.object({ rev: textParameter().describe('The revision to delete') }),
      answers: { 200: 'Deleted', 400: 'No rev', 403: 'Built in', 404: 'missing', 409: 'Not the current revision' },
    },
    async (c, { path: { type, ddoc }, query: { rev } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      if (rev === undefined || rev === '') throw bareProblem('bad_request', { error: 'You must pass a rev param' })
      const outcome = await documents.remove(ref, `_design/${ddoc}`, parseRevision(rev))
      if (outcome.kind === 'ok') return jsonValue(c, 200, { ok: true, id: outcome.id, rev: outcome.rev })
      if (outcome.kind === 'conflict') throw documentConflict()
      throw outcome.kind === 'forbidden'
        ? bareProblem('forbidden', { error: 'This design doc cannot be deleted' })
        : new Problem('not_found', outcome.kind)
    },
  )
}
