/** `_bulk_docs` with both values of `new_edits`. */
import { z } from '@hono/zod-openapi'
import type { DocumentRules, PreparedDocument } from '../../src/documents/document.ts'
import { localPrefix, type PreparedLocal } from '../../src/documents/local-document.ts'
import type { BulkOutcome } from '../../src/documents/service.ts'
import type { ParsedJson } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import { jsonValue } from '../http/answer.ts'
import { receiving } from '../http/attachment.ts'
import { readDocuments } from '../http/body.ts'
import { bulkRequest } from '../http/bulk-request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterWhole } from './access.ts'
import { outcomeRow } from './errors.ts'
import { prepare, prepareLocalDocument, requireJson } from './request.ts'
import type { CouchdbServices } from './services.ts'

export function bulkRoute(face: Face, services: CouchdbServices): void {
  const { documents, limits } = services

  endpoint(
    face,
    {
      method: 'POST',
      path: '/couchdb/{db}/_bulk_docs',
      tag: 'CouchDB: documents',
      summary: 'Write many documents, each on its own',
      needs: 'POST on the whole database',
      body: z.object({
        docs: z.array(z.object({})),
        new_edits: z.boolean().optional().describe('false: store revisions as they are given'),
      }),
      answers: {
        201: 'One row a document in the order given; with `new_edits: false` only what was refused.',
        400: 'A document is malformed; none was written.',
        404: 'There is no such database.',
        413: 'The request or a document is too large.',
        415: 'Not announced as JSON.',
      },
    },
    async (c, { path }) => {
      const { ref } = await enterWhole(c, services, path.db, 'POST', 'read')
      requireJson(c)
      const receive = receiving(documents, ref, { create: false })
      const body = await readDocuments(c, { envelope: 'bulk', maxBytes: limits.maxRequestBytes, receive })
      const { docs, newEdits } = bulkRequest(body)
      const rules = { maxBytes: limits.maxDocumentBytes, received: body.received }
      const prepared = docs.map((doc) => prepareAny(doc, rules))
      const plain = prepared.filter((doc): doc is PreparedDocument => 'body' in doc)
      // Without documents the engine does not touch the database.
      if (plain.length === 0) await documents.databaseInfo(ref)
      const rows = newEdits
        ? await documents.bulk(ref, plain, { create: false })
        : await documents.replicate(ref, plain, { create: false })
      if (plain.length === prepared.length) return jsonValue(c, 201, rows.map(outcomeRow))
      const all: BulkOutcome[] = newEdits ? [] : [...rows]
      let next = 0
      for (const doc of prepared) {
        if (!('body' in doc)) {
          const outcome = await documents.writeLocal(ref, doc)
          if (newEdits || outcome.kind !== 'ok') all.push(outcome)
        } else if (newEdits) all.push(rows[next++] as BulkOutcome)
      }
      return jsonValue(c, 201, all.map(outcomeRow))
    },
  )
}

/** Local documents may be among the others; they have no history, so `new_edits` does not concern them. */
function prepareAny(doc: ParsedJson, rules: DocumentRules): PreparedDocument | PreparedLocal {
  const id = isObject(doc.value) ? doc.value['_id'] : undefined
  if (typeof id !== 'string' || !id.startsWith(localPrefix)) return prepare(doc, rules)
  return prepareLocalDocument(doc, rules.maxBytes, id)
}
