/** Mail as the rest of Hearth sees it. `openMail` in mail.ts implements it. */
import { z } from 'zod'
import type { Instance } from '../instances/service.ts'
import { templateNames } from './templates.ts'

const person = z.object({ name: z.string().optional(), email: z.string() })

/** A mail to send: the message of a `sendmail` job. Without a template it needs a subject and parts. */
export const MailMessage = z.object({
  /**
   * `noreply` and `campaign`: to the owner of the instance, whatever `to` says. `pending`: to the address that the owner
   * has not confirmed yet. `from`: on behalf of the owner, to `to`. `support`: on behalf of the owner, to the operator's
   * support.
   */
  mode: z.string(),
  subject: z.string().optional(),
  parts: z.array(z.object({ type: z.enum(['text/plain', 'text/html']), body: z.string() })).optional(),
  template_name: z.enum(templateNames).optional(),
  template_values: z.record(z.string(), z.unknown()).optional(),
  /** The same, sealed (`sealValues`): links that open something must not be readable in the documents of jobs. */
  sealed_values: z.string().optional(),
  to: z.array(person).max(100).optional(),
  reply_to: person.optional(),
})
export type MailMessage = z.infer<typeof MailMessage>

export interface MailService {
  /**
   * Sends a mail in the name of an instance and in the language of its owner. Resolves when the mail server has accepted it,
   * and also when no mail server is configured: the log says so. Throws MailError.
   */
  send(instance: Instance, message: MailMessage): Promise<void>
}

/** The mail was not taken. The message holds no address and no content. */
export class MailError extends Error {
  override readonly name = 'MailError'
  /** Sending the same again would fail again. */
  readonly permanent: boolean

  constructor(message: string, permanent: boolean) {
    super(message)
    this.permanent = permanent
  }
}
