/** COPY of documents and design documents: the winner, or `?rev=`, becomes a revision of another id. */

import { z } from '@hono/zod-openapi'
import { checkDocumentId } from '../../src/documents/document.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseRevision } from '../../src/model/revision.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { parsedRevision } from '../http/if-match.ts'
import { textParameter } from '../http/parameters.ts'
import { segment } from '../http/path.ts'
import { type HttpContext, header } from '../http/router.ts'
import { enterDatabase, errorFor, refuseUnlessWhole, requireDocument, requireRendered, type Visit } from './access.ts'
import { sendWritten } from './answer.ts'
import { noDocument, written } from './errors.ts'
import { checkPathId } from './request.ts'
import type { CouchdbServices } from './services.ts'

const declaration = {
  method: 'COPY',
  tag: 'CouchDB: documents',
  summary: 'Copy a document to another id',
  needs: 'GET on the document and POST on its copy',
  query: z.object({ rev: textParameter().describe('This revision instead of the winner') }),
  headers: { Destination: 'The new id, percent-encoded; `?rev=` behind it overwrites that revision' },
  answers: { 201: 'Copied.', 400: 'No Destination.', 404: 'No such document.', 409: 'The destination exists.' },
} as const

export function copyRoutes(face: Face, services: Pick<CouchdbServices, 'documents' | 'instances'>): void {
  const { documents } = services

  endpoint(face, { ...declaration, path: '/couchdb/{db}/_design/{ddoc}' }, async (c, { path, query }) =>
    copy(c, await enterDatabase(c, services, path.db, ['GET'], 'read'), `_design/${path.ddoc}`, query.rev),
  )

  endpoint(face, { ...declaration, path: '/couchdb/{db}/{id}' }, async (c, { path, query }) => {
    const visit = await enterDatabase(c, services, path.db, ['GET'], 'read')
    return copy(c, visit, path.id, query.rev)
  })

  async function copy(c: HttpContext, visit: Visit, id: string, revision: string | undefined): Promise<Response> {
    checkPathId(id)
    const to = destination(header(c, 'destination'))
    checkDocumentId(to.id)
    const rev = parsedRevision(revision)
    await allow(visit, id, rev, to.id)
    return sendWritten(c, 201, visit.ref, written(await documents.copy(visit.ref, { id, rev }, to)))
  }

  async function allow(visit: Visit, id: string, rev: RevisionId | undefined, target: string): Promise<void> {
    const { permissions, ref } = visit
    if (permissions.allowsType('GET', ref.name) && permissions.allowsType('POST', ref.name)) return
    const outcome = await documents.read(ref, id, { rev }).catch((error: unknown) => {
      throw errorFor(visit, error)
    })
    if (outcome.kind === 'found') requireRendered(visit, 'GET', outcome.document)
    else {
      refuseUnlessWhole(visit, 'GET')
      throw noDocument(outcome.kind)
    }
    if (target.startsWith('_design/')) refuseUnlessWhole(visit, 'POST')
    requireDocument(visit, 'POST', { _id: target })
  }
}

/** Reads `ID` or `ID?rev=REV`. Throws `bad_request` when it is missing, a whole URL or malformed. */
function destination(value: string | undefined): { readonly id: string; readonly rev: RevisionId | undefined } {
  if (value === undefined || value === '') {
    throw new Problem('bad_request', 'Destination header is mandatory for COPY.')
  }
  if (/^https?:\/\//.test(value)) throw new Problem('bad_request', 'Destination URL must be relative.')
  const [path = '', query] = value.split('?', 2)
  if (query === undefined) return { id: segment(path), rev: undefined }
  if (!query.startsWith('rev=')) throw new Problem('bad_request', 'Destination takes no parameter but `rev`.')
  return { id: segment(path), rev: parseRevision(query.slice(4)) }
}
