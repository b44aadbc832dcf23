/** The checks of both document faces for a token that is restricted to some documents. */
import type { RenderedDocument } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { isNoDatabase } from '../../src/model/no-database.ts'
import type { Permissions, Verb } from '../../src/model/permissions.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'

/** A request at a database, and what its token allows there. */
export interface DocumentVisit {
  readonly ref: DatabaseRef
  readonly permissions: Permissions
}

export interface DocumentAccess {
  /** Throws 403 unless the token allows `verb` on the whole database. */
  refuseUnlessWhole(visit: DocumentVisit, verb: Verb): void
  /** Throws 403 unless the token allows `verb` on this very document. */
  requireDocument(visit: DocumentVisit, verb: Verb, document: JsonObject): void
  /** The same for a stored document, which is parsed only when the token is restricted to some documents. */
  requireRendered(visit: DocumentVisit, verb: Verb, document: RenderedDocument): void
  /**
   * The answer to a failed read of one document. A token for some documents only must not learn which others exist,
   * nor whether their database exists: it gets 403 if it does not.
   */
  errorFor(visit: DocumentVisit, error: unknown): unknown
}

/** The questions, answered with the face's own 403. */
export function newDocumentAccess(refused: () => Problem): DocumentAccess {
  function refuseUnlessWhole({ permissions, ref }: DocumentVisit, verb: Verb): void {
    if (!permissions.allowsType(verb, ref.name)) throw refused()
  }

  function requireDocument({ permissions, ref }: DocumentVisit, verb: Verb, document: JsonObject): void {
    if (!permissions.allowsDocument(verb, ref.name, document)) throw refused()
  }

  return {
    refuseUnlessWhole,
    requireDocument,

    requireRendered(visit, verb, document) {
      if (visit.permissions.allowsType(verb, visit.ref.name)) return
      requireDocument(visit, verb, parsedObject(document.text))
    },

    errorFor({ permissions, ref }, error) {
      return isNoDatabase(error) && !permissions.allowsType('GET', ref.name) ? refused() : error
    },
  }
}

function parsedObject(text: string): JsonObject {
  const { value } = parseJson(text)
  if (isObject(value)) return value
  throw new Problem('internal_server_error', 'A stored document is not an object.')
}
