/** `_bulk_docs` with both values of `new_edits`. */
import { z } from '@hono/zod-openapi'
import { prepareBulk } from '../../src/documents/document.ts'
import type { BulkOutcome } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { jsonValue } from '../http/answer.ts'
import { type Receive, receiving } from '../http/attachment.ts'
import { type DocumentsJson, readDocuments } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { frameworkProblem } from './errors.ts'
import { requireType } from './request.ts'
import type { DataLimits, DataServices } from './services.ts'

export function bulkRoute(face: Face, { documents, instances, limits }: DataServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/data/{type}/_bulk_docs',
      summary: 'Write many documents, each on its own',
      tag: 'documents',
      needs: 'POST on the whole doctype',
      body: z.object({ docs: z.array(z.looseObject({})), new_edits: z.boolean().optional() }),
      answers: {
        201: z.array(z.looseObject({})).describe('An outcome for each; with new_edits false only failures'),
        400: 'A document is malformed: nothing was written',
        413: 'The request or one document is too large',
      },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'POST', 'write')
      const body = await readBulk(c, limits, receiving(documents, ref, { create: true }))
      const { docs, newEdits } = prepareBulk(body, {
        maxBytes: limits.maxDocumentBytes,
        replicatorMembers: true,
        received: body.received,
      })
      for (const doc of docs) requireType(doc, type)
      const outcomes = newEdits
        ? await documents.bulk(ref, docs, { create: true })
        : await documents.replicate(ref, docs, { create: true })
      return jsonValue(c, 201, outcomes.map(row))
    },
  )
}

async function readBulk(c: HttpContext, limits: DataLimits, receive: Receive): Promise<DocumentsJson> {
  try {
    return await readDocuments(c, { envelope: 'bulk', maxBytes: limits.maxRequestBytes, receive })
  } catch (error) {
    // Failures of an attachment or of the connection are reported unchanged.
    if (!(error instanceof Problem) || !error.reason.startsWith('invalid ')) throw error
    throw frameworkProblem('bad_request', 'request body is not valid JSON')
  }
}

function row(outcome: BulkOutcome): object {
  const { id } = outcome
  if (outcome.kind === 'ok') return { ok: true, id, rev: outcome.rev }
  if (outcome.kind === 'forbidden') return { id, error: 'forbidden', reason: outcome.reason }
  return { id, error: 'conflict', reason: 'Document update conflict.' }
}
