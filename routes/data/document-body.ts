import { type PreparedDocument, prepareDocument } from '../../src/documents/document.ts'
import { Problem } from '../../src/errors.ts'
import { isObject, type JsonObject } from '../../src/json/value.ts'
import type { Part } from '../http/multipart.ts'
import { multipartDocument } from '../http/multipart-document.ts'
import type { HttpContext } from '../http/router.ts'
import type { DataLimits } from './dependencies.ts'
import { requestProblem } from './errors.ts'
import { readBody } from './request-body.ts'

export interface DocumentBody {
  /** As sent, for questions about permissions. */
  readonly value: JsonObject
  readonly document: PreparedDocument
  /** The contents that follow it in a multipart body. */
  readonly parts?: AsyncIterator<Part> | undefined
}

/** Reads a document out of a request's body. `id` comes from the path; an empty `_id` or `_rev` counts as absent. */
export async function readDocumentBody(
  c: HttpContext,
  type: string,
  limits: DataLimits,
  id?: string,
): Promise<DocumentBody> {
  const multipart = id === undefined ? undefined : await multipartDocument(c, limits.maxRequestBytes)
  const body = multipart?.json ?? (await readBody(c, limits))
  const { value } = body
  if (!isObject(value)) throw requestProblem('Document must be a JSON object')
  const document = prepareDocument(body, { maxBytes: limits.maxDocumentBytes, id, emptyIsAbsent: true })
  requireType(document, type)
  return { value, document, parts: multipart?.parts }
}

/** A document may carry the `_type` that it was read with; another one is a mistake (documents 1.6, 1.7). */
export function requireType(document: Pick<PreparedDocument, 'type'>, type: string): void {
  if (document.type !== undefined && document.type !== type) {
    throw new Problem('bad_request', `document _type must be ${type}`)
  }
}
