/** What the data API reads from a request: bodies, ids, pages. */
import { checkDocumentId, type PreparedDocument, prepareDocument } from '../../src/documents/document.ts'
import { Problem } from '../../src/model/errors.ts'
import type { ParsedJson } from '../../src/model/json/exact.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import { parseRevision } from '../../src/model/revision.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import type { Receive } from '../http/attachment.ts'
import { type DocumentsJson, readDocuments, readJson } from '../http/body.ts'
import type { Part } from '../http/multipart.ts'
import { multipartDocument } from '../http/multipart-document.ts'
import { segment } from '../http/path.ts'
import { Query } from '../http/query.ts'
import type { HttpContext } from '../http/router.ts'
import { bareProblem, requestProblem } from './errors.ts'
import type { DataLimits } from './services.ts'

/** Reads a JSON body; what is not JSON is an E3. */
export function readBody(c: HttpContext, limits: DataLimits): Promise<ParsedJson> {
  return asRequestProblem(() => readJson(c, { maxBytes: limits.maxRequestBytes }))
}

async function asRequestProblem<Body>(read: () => Promise<Body>): Promise<Body> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof Problem && error.code === 'bad_request') throw requestProblem(error.reason)
    throw error
  }
}

export interface DocumentBody {
  /** As sent, for questions about permissions. */
  readonly value: JsonObject
  readonly document: PreparedDocument
  /** The contents that follow it in a multipart body. */
  readonly parts?: AsyncIterator<Part> | undefined
}

/**
 * Reads a document from a request's body. `id` comes from the path; an empty `_rev`, and if the path has an id an empty
 * `_id`, count as absent. Long contents go to `receive`.
 */
export async function readDocumentBody(
  c: HttpContext,
  type: string,
  { limits, receive, id }: { readonly limits: DataLimits; readonly receive: Receive; readonly id?: string },
): Promise<DocumentBody> {
  const multipart = id === undefined ? undefined : await multipartDocument(c, limits.maxRequestBytes)
  const reading = () => readDocuments(c, { envelope: 'document', maxBytes: limits.maxRequestBytes, receive })
  const body: ParsedJson & Partial<DocumentsJson> = multipart?.json ?? (await asRequestProblem(reading))
  const { value } = body
  // The one value that cozy-stack's own parser lets through to CouchDB.
  if (value === null) throw new Problem('bad_request', 'Document must be a JSON object')
  if (!isObject(value)) throw requestProblem('Document must be a JSON object')
  const emptyIsAbsent = id !== undefined || value['_id'] !== ''
  const document = prepareDocument(body, {
    maxBytes: limits.maxDocumentBytes,
    id,
    emptyIsAbsent,
    received: body.received,
  })
  requireType(document, type)
  return { value, document, parts: multipart?.parts }
}

/** A document may carry the `_type` that it was read with; any other is an error. */
export function requireType(document: Pick<PreparedDocument, 'type'>, type: string): void {
  if (document.type !== undefined && document.type !== type) {
    throw new Problem('bad_request', `document _type must be ${type}`)
  }
}

/**
 * Checks an id from the path. Ids with an underscore in front are routes, not documents: `bad_id` in the wording that
 * clients know, wrong spelling included.
 */
export function checkPathId(id: string): void {
  if (id.startsWith('_')) throw new Problem('bad_id', `Unsuported couchdb operation ${id}`)
  checkDocumentId(id)
}

/**
 * Reads a `Destination` header: an id, percent-encoded or not, perhaps followed by `?rev=`. Only design documents may
 * be written this way, since the route asks for nothing but GET.
 */
export function designDestination(destination: string | undefined): {
  readonly id: string
  readonly rev?: RevisionId | undefined
} {
  if (destination === undefined || destination === '') {
    throw bareProblem('bad_request', 'You must set a Destination header')
  }
  const [rawId = '', rawQuery = ''] = destination.split('?', 2)
  const id = segment(rawId)
  if (!/^_design\/./.test(id)) throw requestProblem('The Destination of a design document must start with _design/')
  const rev = Query.parse(rawQuery).last('rev')
  return rev === undefined ? { id } : { id, rev: parseRevision(rev) }
}

/** A limit that is absent, not a number or too large counts as the default: it is not reduced to the maximum. */
export function pageLimit(asked: unknown): number {
  return typeof asked === 'number' && asked <= pageLimits.data.most ? asked : pageLimits.data.byDefault
}
