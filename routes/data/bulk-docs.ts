/** `_bulk_docs` with both values of `new_edits` (documents 1.14). */
import { z } from '@hono/zod-openapi'
import { prepareBulk } from '../../src/documents/document.ts'
import type { BulkOutcome } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import type { ParsedJson } from '../../src/model/json/exact.ts'
import { jsonValue } from '../http/answer.ts'
import { readJson } from '../http/body.ts'
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
      const { docs, newEdits } = prepareBulk(await readBulk(c, limits), {
        maxBytes: limits.maxDocumentBytes,
        replicatorMembers: true,
      })
      for (const doc of docs) requireType(doc, type)
      const outcomes = newEdits
        ? await documents.bulk(ref, docs, { create: true })
        : await documents.replicate(ref, docs, { create: true })
      return jsonValue(c, 201, outcomes.map(row))
    },
  )
}

async function readBulk(c: HttpContext, limits: DataLimits): Promise<ParsedJson> {
  try {
    return await readJson(c, { maxBytes: limits.maxRequestBytes })
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'bad_request') throw error
    throw frameworkProblem('bad_request', 'request body is not valid JSON')
  }
}

function row(outcome: BulkOutcome): object {
  const { id } = outcome
  if (outcome.kind === 'ok') return { ok: true, id, rev: outcome.rev }
  if (outcome.kind === 'forbidden') return { id, error: 'forbidden', reason: outcome.reason }
  return { id, error: 'conflict', reason: 'Document update conflict.' }
}
