import type { Documents } from '../../src/documents/service.ts'
import type { Verb } from '../../src/permissions/permissions.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { requireRendered, type Visit } from './access.ts'
import { missingDocument } from './errors.ts'

/**
 * Before a write by a token that is restricted to some documents: the stored version must be one of these. Tokens for
 * the whole doctype cost nothing here. Throws 404 for a document that is not there, before 403 (documents 1.7, 1.8).
 */
export async function requireStored(
  documents: Pick<Documents, 'read'>,
  visit: Visit,
  verb: Verb,
  id: string,
  rev: RevisionId,
): Promise<void> {
  if (visit.permissions.allowsType(verb, visit.type)) return
  const exact = await documents.read(visit.ref, id, { rev })
  const outcome = exact.kind === 'found' ? exact : await documents.read(visit.ref, id)
  if (outcome.kind !== 'found') throw missingDocument(visit.type, id, outcome.kind)
  requireRendered(visit, verb, outcome.document)
}
