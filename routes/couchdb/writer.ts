import type { PreparedDocument } from '../../src/documents/document.ts'
import type { RenderedDocument } from '../../src/documents/service.ts'
import type { ParsedJson } from '../../src/model/json/exact.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import type { Verb } from '../../src/model/permissions.ts'
import { formatRevision } from '../../src/model/revision.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { receiving } from '../http/attachment.ts'
import { readDocuments } from '../http/body.ts'
import type { HttpContext } from '../http/router.ts'
import { refuseUnlessWhole, requireDocument, requireRendered, type Visit } from './access.ts'
import type { Written } from './answer.ts'
import { edited, written } from './errors.ts'
import { prepare } from './request.ts'
import type { CouchdbServices } from './services.ts'

/** What creating, updating and deleting one document have in common. */
export class Writer {
  readonly #documents: CouchdbServices['documents']
  readonly #limits: CouchdbServices['limits']

  constructor({ documents, limits }: Pick<CouchdbServices, 'documents' | 'limits'>) {
    this.#documents = documents
    this.#limits = limits
  }

  /** The body as a document; 400 and 413 when it is not one. The id is taken from the path. */
  async prepare(c: HttpContext, { ref }: Visit, id?: string): Promise<PreparedDocument> {
    const receive = receiving(this.#documents, ref, { create: false })
    const body = await readDocuments(c, { envelope: 'document', maxBytes: this.#limits.maxRequestBytes, receive })
    return prepare(body, { maxBytes: this.#limits.maxDocumentBytes, id, received: body.received })
  }

  /** The same for a body that was already read. */
  prepared(body: ParsedJson, id?: string): PreparedDocument {
    return prepare(body, { maxBytes: this.#limits.maxDocumentBytes, id })
  }

  /** POST for a creation, PUT for an update (of the stored and of the new version), DELETE for a tombstone too. */
  async allow(visit: Visit, id: string, prepared: PreparedDocument, rev: RevisionId | undefined): Promise<void> {
    const verbs: Verb[] = [rev === undefined ? 'POST' : 'PUT']
    if (prepared.deleted) verbs.push('DELETE')
    for (const verb of verbs) {
      if (visit.permissions.allowsType(verb, visit.ref.name)) continue
      if (id.startsWith('_design/')) refuseUnlessWhole(visit, verb)
      requireDocument(visit, verb, { ...prepared.body.value, _id: id })
      const stored = rev === undefined ? undefined : await this.winner(visit, id)
      if (stored !== undefined) requireRendered(visit, verb, stored)
    }
  }

  /** The live document, if there is one. */
  async winner({ ref }: Visit, id: string): Promise<RenderedDocument | undefined> {
    const outcome = await orWithoutDatabase(this.#documents.read(ref, id), undefined)
    return outcome?.kind === 'found' ? outcome.document : undefined
  }

  /** An interactive edit; throws what CouchDB answers when it cannot be made. */
  async store({ ref }: Visit, id: string, prepared: PreparedDocument, rev: RevisionId | undefined): Promise<Written> {
    return edited(await this.#documents.write(ref, { id, rev, document: prepared, unknownParent: 'accept' }))
  }

  /** `new_edits=false`: the revision as the client names it. */
  async storeAsGiven(
    { ref }: Visit,
    id: string,
    prepared: PreparedDocument,
    rev: RevisionId | undefined,
  ): Promise<Written> {
    const document = { ...prepared, id, rev }
    const [refused] = await this.#documents.replicate(ref, [document], { create: false })
    if (refused !== undefined) return written(refused)
    // The engine has refused a document without revision.
    return { id, rev: rev === undefined ? '' : formatRevision(rev) }
  }
}
