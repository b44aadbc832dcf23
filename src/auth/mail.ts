/** Mails with codes and links that must reach the owner of an instance at once. */
import type { Instance } from '../instances/service.ts'
import { MailError, type MailMessage, type MailService } from '../mail/service.ts'
import { Problem } from '../model/errors.ts'

export type AuthMail =
  | { readonly kind: 'passcode'; readonly passcode: string }
  | { readonly kind: 'passphrase_reset'; readonly link: string }
  | { readonly kind: 'move_confirm'; readonly link: string; readonly source: string; readonly target: string }

/** Sends a mail to the owner. @throws Problem `store_unavailable` when the mail server does not accept it */
export type OwnerMail = (instance: Instance, mail: AuthMail) => Promise<void>

/** Sends directly, not through a job: codes and links must not be stored in documents that others may read. */
export function newOwnerMail(mail: MailService): OwnerMail {
  return async (instance, asked) => {
    try {
      await mail.send(instance, { mode: 'noreply', ...templateOf(asked) })
    } catch (cause) {
      if (!(cause instanceof MailError)) throw cause
      throw new Problem('store_unavailable', 'The mail could not be sent. Try again later.', { cause })
    }
  }
}

function templateOf(asked: AuthMail): Pick<MailMessage, 'template_name' | 'template_values'> {
  switch (asked.kind) {
    case 'passcode':
      return { template_name: 'two_factor', template_values: { TwoFactorPasscode: asked.passcode } }
    case 'passphrase_reset':
      return { template_name: 'passphrase_reset', template_values: { PassphraseResetLink: asked.link } }
    case 'move_confirm': {
      const { link: ConfirmLink, source: Source, target: Target } = asked
      return { template_name: 'move_confirm', template_values: { ConfirmLink, Source, Target } }
    }
  }
}
