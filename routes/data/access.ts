/** What every data route does before it touches a document, in this order: instance, doctype, token. */

import type { Documents, RenderedDocument } from '../../src/documents/service.ts'
import type { Instances } from '../../src/instances/service.ts'
import { checkDoctype } from '../../src/model/doctypes.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import { isNoDatabase } from '../../src/model/no-database.ts'
import type { Permissions, Verb } from '../../src/model/permissions.ts'
import type { DatabaseRef, RevisionId } from '../../storage/documents/contract.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import { frameworkProblem, missingDocument } from './errors.ts'

/** A request that may go on: the database it speaks of and what its token allows. */
export interface Visit {
  readonly type: string
  readonly ref: DatabaseRef
  readonly permissions: Permissions
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

/** Throws 403 unless the token allows `verb` on this very document. */
export function requireDocument(visit: Visit, verb: Verb, document: JsonObject): void {
  if (!visit.permissions.allowsDocument(verb, visit.type, document)) throw refused()
}

/** The same for a stored document, which is parsed only when the token is restricted to some documents. */
export function requireRendered(visit: Visit, verb: Verb, document: RenderedDocument): void {
  if (visit.permissions.allowsType(verb, visit.type)) return
  requireDocument(visit, verb, parseJson(document.text).value as JsonObject)
}

/**
 * Before a write by a token that is restricted to some documents: the stored version must be one of these. Tokens for
 * the whole doctype cost nothing here. Throws 404 for a document that is not there, before 403.
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

/**
 * What a look at one document gives. A token for some documents only must not learn which others exist, nor whether there
 * is a database of them: it gets 403 where there is none.
 */
export async function refusingRestricted<Outcome>(visit: Visit, look: Promise<Outcome>): Promise<Outcome> {
  try {
    return await look
  } catch (error) {
    if (isNoDatabase(error) && !visit.permissions.allowsType('GET', visit.type)) throw refused()
    throw error
  }
}

export function refused() {
  return frameworkProblem('forbidden', 'Forbidden')
}
