/** `_local` documents. GET rights suffice, so that a client may replicate what it can only read. */
import { z } from '@hono/zod-openapi'
import { localPrefix, type PreparedLocal, prepareLocal } from '../../src/documents/local-document.ts'
import { Problem } from '../../src/model/errors.ts'
import { jsonText, jsonValue } from '../http/answer.ts'
import { readJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { noLocalAttachments, removalOf, withRevision } from '../http/local-documents.ts'
import { textParameter } from '../http/parameters.ts'
import { segment } from '../http/path.ts'
import type { HttpContext } from '../http/router.ts'
import { enterWhole, type Visit } from './access.ts'
import { documentConflict } from './errors.ts'
import { requireType } from './request.ts'
import type { DataServices } from './services.ts'

const path = '/data/{type}/_local/{id}'
const common = { path, tag: 'replication', needs: 'GET on the whole doctype' } as const
const accepted = z.object({ ok: z.boolean(), id: z.string(), rev: z.string() }).describe('The new revision, 0-N')
const writing = {
  query: z.object({ rev: textParameter().describe('The revision that the client read, 0-N') }),
  headers: { 'If-Match': 'The same as rev' },
}

export function localRoutes(face: Face, { documents, instances, limits }: DataServices): void {
  endpoint(
    face,
    {
      ...common,
      method: 'GET',
      summary: 'Read a local document, such as a checkpoint',
      answers: { 200: z.looseObject({ _id: z.string(), _rev: z.string() }), 404: 'missing, or no such doctype' },
    },
    async (c, { path: { type, id } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const outcome = await documents.readLocal(ref, localPrefix + id)
      if (outcome.kind === 'found') return jsonText(c, 200, outcome.document.text)
      throw missing()
    },
  )

  endpoint(
    face,
    {
      ...common,
      ...writing,
      method: 'PUT',
      summary: 'Write a local document: it is neither counted, listed nor replicated',
      body: z.looseObject({ _rev: z.string().optional() }),
      answers: { 201: accepted, 404: 'No such doctype', 409: 'Another revision than the current one' },
    },
    async (c, { path: { type, id }, query }) => {
      const visit = await enterWhole(c, instances, type, 'GET', 'read')
      const body = await readJson(c, { maxBytes: limits.maxRequestBytes })
      const local = prepareLocal(body, localPrefix + id, limits.maxDocumentBytes)
      requireType(local, type)
      return write(c, visit, local, query.rev)
    },
  )

  endpoint(
    face,
    {
      ...common,
      ...writing,
      method: 'DELETE',
      summary: 'Delete a local document',
      answers: { 200: accepted, 404: 'missing, or no such doctype', 409: 'Another revision than the current one' },
    },
    async (c, { path: { type, id }, query }) => {
      const visit = await enterWhole(c, instances, type, 'GET', 'read')
      return write(c, visit, removalOf(localPrefix + id), query.rev)
    },
  )

  face.router.all('/data/:type/_local/:id/*', async (c) => {
    const error = await enterWhole(c, instances, segment(c.req.param('type')), 'GET', 'read').catch((error) => error)
    return face.onError(error instanceof Error ? error : noLocalAttachments(), c)
  })

  async function write(c: HttpContext, { ref }: Visit, local: PreparedLocal, rev: string | undefined) {
    const outcome = await documents.writeLocal(ref, withRevision(c, local, rev))
    if (outcome.kind === 'missing') throw missing()
    if (outcome.kind !== 'ok') throw documentConflict()
    return jsonValue(c, local.deleted ? 200 : 201, { ok: true, id: outcome.id, rev: outcome.rev })
  }
}

function missing(): Problem {
  return new Problem('not_found', 'missing')
}
