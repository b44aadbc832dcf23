/**
 * The checks of every route before it touches a document, in this order: instance, token, name of the database, reserved
 * names, permission.
 */

import type { Instance } from '../../src/instances/service.ts'
import { isDatabaseName, isReadable, isWritable } from '../../src/model/doctypes.ts'
import { Problem } from '../../src/model/errors.ts'
import { noDatabase } from '../../src/model/no-database.ts'
import type { Permissions, Verb } from '../../src/model/permissions.ts'
import { type DocumentAccess, type DocumentVisit, newDocumentAccess } from '../http/document-access.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import { refused } from './errors.ts'
import type { CouchdbServices } from './services.ts'
import { readSessionCookie } from './session-cookie.ts'

/** A client whose token is good. */
export interface Visitor {
  readonly instance: Instance
  readonly permissions: Permissions
}

/** A request to a database on which its token has some right. */
export type Visit = Visitor & DocumentVisit

export type Mode = 'read' | 'write'

/** 404 for a name that no database can have; only its creation explains what is wrong with it. */
export function checkDatabaseName(name: string): void {
  if (!isDatabaseName(name)) throw noDatabase()
}

/** 403 for doctypes that only their own API reads or writes. */
export function checkReserved(name: string, mode: 'read' | 'write'): void {
  if (!isReadable(name)) throw new Problem('forbidden', `reserved doctype ${name} unreadable`)
  if (mode === 'write' && !isWritable(name)) throw new Problem('forbidden', `reserved doctype ${name} unwritable`)
}

type WithInstances = Pick<CouchdbServices, 'instances'>

/** The instance and the token of a request; 404 and 401 otherwise. */
export async function enter(c: HttpContext, services: WithInstances): Promise<Visitor> {
  const instance = await instanceOf(c, services.instances)
  const token = tokenOf(c) ?? readSessionCookie(c)?.token
  return { instance, permissions: await permissionsOf(services.instances, instance, token) }
}

/** A database, for a token that allows one of the verbs on at least some of its documents. */
export async function enterDatabase(
  c: HttpContext,
  services: WithInstances,
  name: string,
  verbs: readonly Verb[],
  mode: Mode,
): Promise<Visit> {
  const visitor = await enter(c, services)
  checkDatabaseName(name)
  checkReserved(name, mode)
  if (!verbs.some((verb) => visitor.permissions.allowsSome(verb, name))) throw refused()
  return { ...visitor, ref: { prefix: visitor.instance.prefix, name } }
}

/** The same for routes that see all of a database: rules restricted to some documents are not enough. */
export async function enterWhole(
  c: HttpContext,
  services: WithInstances,
  name: string,
  verb: Verb,
  mode: Mode,
): Promise<Visit> {
  const visit = await enterDatabase(c, services, name, [verb], mode)
  refuseUnlessWhole(visit, verb)
  return visit
}

/** For the lists of databases: GET on `io.cozy.doctypes`. */
export async function enterServer(c: HttpContext, services: WithInstances): Promise<Visitor> {
  const visitor = await enter(c, services)
  if (!visitor.permissions.allowsType('GET', 'io.cozy.doctypes')) throw refused()
  return visitor
}

/** The checks of single documents, in the words of this face. */
export const access: DocumentAccess = newDocumentAccess(refused)
export const { refuseUnlessWhole, requireDocument, requireRendered, errorFor } = access
