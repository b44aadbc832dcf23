/**
 * Attachments of documents, as CouchDB has them. Names may hold slashes, encoded or not; those that begin
 * with `relationships` belong to references and are none.
 */

import { checkAttachmentName } from '../../src/attachments/given.ts'
import { checkDocumentId } from '../../src/documents/document.ts'
import type { AttachmentOutcome } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import type { Verb } from '../../src/model/permissions.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { jsonValue } from '../http/answer.ts'
import {
  attachmentHeaders,
  attachmentQuery,
  attachmentWritten,
  sendAttachment,
  uploadHeaders,
  uploadOf,
} from '../http/attachment.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { parsedRevision, revisionAsked } from '../http/if-match.ts'
import type { HttpContext } from '../http/router.ts'
import {
  enter,
  enterWhole,
  refused,
  refusingRestricted,
  requireDocument,
  requireRendered,
  type Visit,
} from './access.ts'
import { written } from './answer.ts'
import { documentConflict, frameworkProblem, missingDocument } from './errors.ts'
import { checkPathId } from './request.ts'
import type { DataServices } from './services.ts'

const tag = 'attachments'
const design = '/data/{type}/_design/{ddoc}/{name*}'
const plain = '/data/{type}/{id}/{name*}'
const reading = {
  method: 'GET',
  tag,
  query: attachmentQuery,
  headers: attachmentHeaders,
  answers: {
    200: 'The content',
    206: 'A part of it',
    304: 'Not changed',
    404: 'No such attachment',
    416: 'No such part',
  },
} as const
const writing = {
  method: 'PUT',
  tag,
  query: attachmentQuery,
  headers: uploadHeaders,
  answers: { 201: attachmentWritten, 404: 'No such doctype', 409: 'Not a current revision', 413: 'It is too large' },
} as const
const removing = {
  method: 'DELETE',
  tag,
  query: attachmentQuery,
  headers: { 'If-Match': 'The same as rev' },
  answers: { 200: attachmentWritten, 404: 'No such attachment', 409: 'No revision, or not a current one' },
} as const

export function attachmentRoutes(face: Face, { documents, instances }: DataServices): void {
  endpoint(
    face,
    { ...reading, path: design, summary: 'Read an attachment of a design document', needs: 'GET on the whole doctype' },
    async (c, { path: { type, ddoc, name }, query }) =>
      read(c, await enterWhole(c, instances, type, 'GET', 'read'), `_design/${ddoc}`, name, query.rev),
  )
  endpoint(
    face,
    { ...reading, path: plain, summary: 'Read an attachment', needs: 'GET on the document' },
    async (c, { path: { type, id, name }, query }) => {
      checkNames(id, name)
      return read(c, await enter(c, instances, type, ['GET'], 'read'), id, name, query.rev)
    },
  )
  endpoint(
    face,
    { ...writing, path: design, summary: 'Attach to a design document', needs: 'PUT on the whole doctype' },
    async (c, { path: { type, ddoc, name }, query }) =>
      write(c, await enterWhole(c, instances, type, 'PUT', 'read'), `_design/${ddoc}`, name, query.rev),
  )
  endpoint(
    face,
    { ...writing, path: plain, summary: 'Attach to a document', needs: 'PUT on the document, POST for a new one' },
    async (c, { path: { type, id, name }, query }) => {
      checkNames(id, name)
      return write(c, await enter(c, instances, type, ['PUT', 'POST'], 'write'), id, name, query.rev)
    },
  )
  endpoint(
    face,
    { ...removing, path: design, summary: 'Remove from a design document', needs: 'DELETE on the whole doctype' },
    async (c, { path: { type, ddoc, name }, query }) =>
      remove(c, await enterWhole(c, instances, type, 'DELETE', 'read'), `_design/${ddoc}`, name, query.rev),
  )
  endpoint(
    face,
    { ...removing, path: plain, summary: 'Remove an attachment', needs: 'DELETE on the document' },
    async (c, { path: { type, id, name }, query }) => {
      checkNames(id, name)
      return remove(c, await enter(c, instances, type, ['DELETE'], 'write'), id, name, query.rev)
    },
  )

  function read(
    c: HttpContext,
    visit: Visit,
    id: string,
    name: string,
    revision: string | undefined,
  ): Promise<Response> {
    checkDocumentId(id)
    // Views and the like, which are not exposed.
    if (name.startsWith('_')) throw frameworkProblem('not_found', 'Not Found')
    const rev = parsedRevision(revision)
    return sendAttachment(c, documents, visit.ref, async () => {
      const outcome = await refusingRestricted(visit, documents.readAttachment(visit.ref, id, name, rev))
      if ('document' in outcome) requireRendered(visit, 'GET', outcome.document)
      else if (!visit.permissions.allowsType('GET', visit.type)) throw refused()
      if (outcome.kind === 'found') return outcome
      if (outcome.kind === 'no_attachment') throw noAttachment()
      throw missingDocument(visit.type, id, outcome.kind)
    })
  }

  async function write(c: HttpContext, visit: Visit, id: string, name: string, revision: string | undefined) {
    checkDocumentId(id)
    checkAttachmentName(name)
    const rev = revisionAsked(c, { query: revision })
    await allow(visit, rev ? 'PUT' : 'POST', id, rev)
    const request = { id, name, rev, ...uploadOf(c) }
    const outcome = await documents.writeAttachment(visit.ref, request, { create: true })
    return jsonValue(c, 201, { ok: true, ...outcomeOf(visit, outcome) })
  }

  async function remove(c: HttpContext, visit: Visit, id: string, name: string, revision: string | undefined) {
    checkDocumentId(id)
    const rev = revisionAsked(c, { query: revision })
    await allow(visit, 'DELETE', id, rev)
    const outcome = await documents.removeAttachment(visit.ref, { id, name, rev })
    return jsonValue(c, 200, { ok: true, ...outcomeOf(visit, outcome) })
  }

  /** For tokens that are restricted to some documents: the stored one must be of these, or the new one. */
  async function allow(visit: Visit, verb: Verb, id: string, rev: RevisionId | undefined): Promise<void> {
    if (visit.permissions.allowsType(verb, visit.type)) return
    const stored = await orWithoutDatabase(documents.read(visit.ref, id, { rev }), undefined)
    if (stored?.kind === 'found') requireRendered(visit, verb, stored.document)
    else requireDocument(visit, verb, { _id: id })
  }
}

function checkNames(id: string, name: string): void {
  if (/^relationships(\/|$)/.test(name)) throw frameworkProblem('not_found', 'Not Found')
  checkPathId(id)
}

function outcomeOf({ type }: Visit, outcome: AttachmentOutcome): { readonly id: string; readonly rev: string } {
  if (outcome.kind === 'no_attachment') throw noAttachment()
  if (outcome.kind === 'missing_revision') throw documentConflict()
  const { id, rev } = written(type, outcome)
  return { id, rev }
}

function noAttachment(): Problem {
  return new Problem('not_found', 'Document is missing attachment')
}
