/** Accounts in plain text, for those who log in with them. */
import { parseJson, stringifyJson } from '../../src/model/json/exact.ts'
import { isObject } from '../../src/model/json/value.ts'
import type { Permissions } from '../../src/model/permissions.ts'
import { accountContext, openAccount } from '../../src/secrets/accounts.ts'
import type { DataServices } from './services.ts'

/**
 * The text of an account as its reader may see it: konnectors get the secrets, applications where they ask for them by
 * `include=credentials`, and nobody else does.
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
