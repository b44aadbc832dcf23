/**
 * What every route does before it touches a document, in this order: instance, token, name of the database, reserved
 * names, permission.
 */

import type { RenderedDocument } from '../../src/documents/service.ts'
import type { Instance } from '../../src/instances/service.ts'
import { isDatabaseName, isReadable, isWritable } from '../../src/model/doctypes.ts'
import { Problem } from '../../src/model/errors.ts'
import { parseJson } from '../../src/model/json/exact.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { isNoDatabase, noDatabase } from '../../src/model/no-database.ts'
import type { Permissions, Verb } from '../../src/model/permissions.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
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

/** A visitor at a database that its token has some right on. */
export interface Visit extends Visitor {
  readonly ref: DatabaseRef
}

export type Mode = 'read' | 'write'

/** 404 for a name that no database can have; only its creation says what is wrong with it. */
export function checkDatabaseName(name: string): void {
  if (!isDatabaseName(name)) throw noDatabase()
}

/** 403 for doctypes that only their own API reads or writes. */
export function checkReserved(name: string, mode: 'read' | 'write'): void {
  if (!isReadable(name)) throw new Problem('forbidden', `reserved doctype ${name} unreadable`)
  if (mode === 'write' && !isWritable(name)) throw new Problem('forbidden', `reserved doctype ${name} unwritable`)
}

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

/**
 * What a look at one document gives. A token for some documents only must not learn which others exist, nor whether there
 * is a database of them: it gets 403 where there is none.
 */
export async function refusingRestricted<Outcome>(visit: Visit, look: Promise<Outcome>): Promise<Outcome> {
  try {
    return await look
  } catch (error) {
    if (isNoDatabase(error)) refuseUnlessWhole(visit, 'GET')
    throw error
  }
}

/** For the lists of databases: GET on `io.cozy.doctypes`. */
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
