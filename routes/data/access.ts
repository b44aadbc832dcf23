/** What every data route does before it touches a document, in this order: instance, doctype, token. */

import type { Documents } from '../../src/documents/service.ts'
import type { Instances } from '../../src/instances/service.ts'
import { checkDoctype } from '../../src/model/doctypes.ts'
import type { Verb } from '../../src/model/permissions.ts'
import type { RevisionId } from '../../storage/documents/contract.ts'
import { type DocumentAccess, type DocumentVisit, newDocumentAccess } from '../http/document-access.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import { frameworkProblem, missingDocument } from './errors.ts'

/** A request that may continue: its database and what its token allows. */
export interface Visit extends DocumentVisit {
  readonly type: string
}

export type Mode = 'read' | 'write'

/** Enters a doctype with a token that allows one of `verbs` on at least some of its documents. Throws 401s and 403s. */
export async function enter(
  c: HttpContext,
  instances: Instances,
  type: string,
  verbs: readonly Verb[],
  mode: Mode,
): Promise<Visit> {
  const instance = await instanceOf(c, instances)
  checkDoctype(type, mode)
  const permissions = await permissionsOf(instances, instance, tokenOf(c))
  if (!verbs.some((verb) => permissions.allowsSome(verb, type))) throw refused()
  return { type, ref: { prefix: instance.prefix, name: type }, permissions }
}

/** The same for routes that see the whole doctype: rules restricted to some documents are not enough. */
export async function enterWhole(
  c: HttpContext,
  instances: Instances,
  type: string,
  verb: Verb,
  mode: Mode,
): Promise<Visit> {
  const visit = await enter(c, instances, type, [verb], mode)
  if (!visit.permissions.allowsType(verb, type)) throw refused()
  return visit
}

/**
 * Before a write by a token that is restricted to some documents: the stored version must be one of these. Tokens for
 * the whole doctype cost nothing here. Throws 404 for a missing document, before 403.
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

export function refused() {
  return frameworkProblem('forbidden', 'Forbidden')
}

/** The checks of single documents, in the words of this face. */
export const access: DocumentAccess = newDocumentAccess(refused)
export const { refuseUnlessWhole, requireDocument, requireRendered, errorFor } = access
