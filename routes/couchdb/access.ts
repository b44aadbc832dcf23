/**
 * What every route does before it touches a document, in this order: instance, token, name of the database, reserved
 * names, permission (documents 0.1, decisions 5).
 */
import type { RenderedDocument } from '../../src/documents/service.ts'
import { Problem } from '../../src/errors.ts'
import type { Instance } from '../../src/instances/service.ts'
import { parseJson } from '../../src/json/exact.ts'
import { isObject, type JsonObject } from '../../src/json/value.ts'
import type { Permissions, Verb } from '../../src/permissions/permissions.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import { readSessionCookie } from './cookie.ts'
import { refused } from './errors.ts'
import { checkDatabaseName, checkReserved } from './names.ts'
import type { CouchdbServices } from './services.ts'

/** A client whose token is good. */
export interface Visitor {
  readonly instance: Instance
  readonly permissions: Permissions
}

/** A visitor at a database that its token has some right on. */
export interface Visit extends Visitor {
  readonly ref: DatabaseRef
}

export type Mode = 'read' | 'write'

type Doors = Pick<CouchdbServices, 'instances'>

/** The instance and the token of a request; 404 and 401 otherwise. */
export async function enter(c: HttpContext, services: Doors): Promise<Visitor> {
  const instance = await instanceOf(c, services.instances)
  const token = tokenOf(c) ?? readSessionCookie(c)?.token
  return { instance, permissions: await permissionsOf(services.instances, instance, token) }
}

/** A database, for a token that allows one of the verbs on at least some of its documents. */
export async function enterDatabase(
  c: HttpContext,
  services: Doors,
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
  services: Doors,
  name: string,
  verb: Verb,
  mode: Mode,
): Promise<Visit> {
  const visit = await enterDatabase(c, services, name, [verb], mode)
  refuseUnlessWhole(visit, verb)
  return visit
}

/** Throws 403 unless the token allows `verb` on the whole database. */
export function refuseUnlessWhole(visit: Visit, verb: Verb): void {
  if (!visit.permissions.allowsType(verb, visit.ref.name)) throw refused()
}

/** For the lists of databases: GET on `io.cozy.doctypes` (decisions 5). */
export async function enterServer(c: HttpContext, services: Doors): Promise<Visitor> {
  const visitor = await enter(c, services)
  if (!visitor.permissions.allowsType('GET', 'io.cozy.doctypes')) throw refused()
  return visitor
}

/** Throws 403 unless the token allows `verb` on this very document. */
export function requireDocument(visit: Visit, verb: Verb, document: JsonObject): void {
  if (!visit.permissions.allowsDocument(verb, visit.ref.name, document)) throw refused()
}

/** The same for a stored document, which is parsed only when the token is restricted to some documents. */
export function requireRendered(visit: Visit, verb: Verb, document: RenderedDocument): void {
  if (visit.permissions.allowsType(verb, visit.ref.name)) return
  requireDocument(visit, verb, parsedObject(document.text))
}

function parsedObject(text: string): JsonObject {
  const { value } = parseJson(text)
  if (isObject(value)) return value
  throw new Problem('internal_server_error', 'A stored document is no object.')
}
