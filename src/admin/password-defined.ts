/** Whether the owner has chosen a password, for instances from the time when that was not recorded. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import type { Config } from '../config/settings.ts'
import { readDocument } from '../instances/own-documents.ts'
import { settingsDoctype, vaultId } from '../instances/records.ts'
import type { Instance } from '../instances/service.ts'

/** The value that was never recorded; `undefined` when it was. */
export async function forgottenPassword(
  store: Pick<DocumentStore, 'read'>,
  authentication: Config['authentication'],
  { document, prefix }: Instance,
): Promise<boolean | undefined> {
  if (typeof document['password_defined'] === 'boolean') return undefined
  if (document['onboarding_finished'] !== true) return false
  if (!signsInOtherwise(authentication, document)) return true
  // Whoever uses the password manager has a password.
  const vault = await readDocument(store, { prefix, name: settingsDoctype }, vaultId)
  return vault?.value['extension_installed'] === true
}

function signsInOtherwise(authentication: Config['authentication'], document: Instance['document']): boolean {
  if (document['magic_link'] === true) return true
  const context = document['context']
  const own =
    typeof context === 'string' && Object.hasOwn(authentication, context) ? authentication[context] : undefined
  return own?.disable_password_authentication === true || own?.oidc?.disable_password_authentication === true
}
