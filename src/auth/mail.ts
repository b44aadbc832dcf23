/** Mails that signing in needs, to the owner of an instance. */
import type { Instance } from '../instances/service.ts'
import { MailError, type MailService } from '../mail/service.ts'
import { Problem } from '../model/errors.ts'

export type AuthMail =
  | { readonly kind: 'passcode'; readonly passcode: string }
  | { readonly kind: 'passphrase_reset'; readonly link: string }

/** Hands a mail for the owner over. @throws Problem `store_unavailable` when the mail server does not take it */
export type OwnerMail = (instance: Instance, mail: AuthMail) => Promise<void>

/** Sends at once, and not by a job: codes and links must not lie in documents that others may read. */
export function newOwnerMail(mail: MailService): OwnerMail {
  return async (instance, asked) => {
    const template =
      asked.kind === 'passcode'
        ? { template_name: 'two_factor', template_values: { TwoFactorPasscode: asked.passcode } }
        : { template_name: 'passphrase_reset', template_values: { PassphraseResetLink: asked.link } }
    try {
      await mail.send(instance, { mode: 'noreply', ...template } as Parameters<MailService['send']>[1])
    } catch (cause) {
      if (!(cause instanceof MailError)) throw cause
      throw new Problem('store_unavailable', 'The mail could not be sent. Try again later.', { cause })
    }
  }
}
