/** Mails that signing in needs. What they look like and how they travel is known elsewhere. */
import type { Instance } from '../instances/service.ts'

export type AuthMail =
  | { readonly kind: 'passcode'; readonly passcode: string }
  | { readonly kind: 'passphrase_reset'; readonly link: string }

/** Hands a mail for the owner of an instance over. Rejects when that cannot be done. */
export type OwnerMail = (instance: Instance, mail: AuthMail) => Promise<void>
