/** Accounts: in plain text for those who log in with them, and what the server adds to them. */
import { completeAccount } from '../../src/documents/accounts.ts'
import type { PreparedDocument } from '../../src/documents/document.ts'
import { parseJson, stringifyJson } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import type { Permissions } from '../../src/model/permissions.ts'
import { accountContext, accountsDoctype, openAccount } from '../../src/secrets/accounts.ts'
import type { HttpContext } from '../http/router.ts'
import { tokenOf } from '../http/tenant.ts'
import type { Visit } from './access.ts'
import type { DataServices } from './services.ts'

/**
 * The text of an account as its reader may see it: konnectors get the secrets, applications if they ask for them with
 * `include=credentials`, and no one else does.
 */
export function accountFor(
  { audience }: Permissions,
  include: string | undefined,
  { prefix, text, secrets }: { readonly prefix: string; readonly text: string } & Pick<DataServices, 'secrets'>,
): string {
  const mayOpen = audience === 'konn' || (audience === 'app' && include === 'credentials')
  const { exact } = parseJson(text)
  if (!mayOpen || !isObject(exact)) return text
  return stringifyJson(openAccount(exact, secrets, accountContext(prefix)).account)
}

/** The document to write: an account with what the server adds to it, any other as it was sent. */
export async function documentToWrite(
  c: HttpContext,
  { actorOf, limits }: Pick<DataServices, 'actorOf' | 'limits'>,
  { type, ref }: Visit,
  document: PreparedDocument,
  create: boolean,
): Promise<PreparedDocument> {
  if (type !== accountsDoctype) return document
  const actor = await actorOf(ref.prefix, tokenOf(c) ?? '')
  return completeAccount(document, { create, actor, at: new Date().toISOString() }, limits.maxDocumentBytes)
}
