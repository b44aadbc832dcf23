/** Sends the mails of jobs. A mail server that is away is tried again for some hours. */
import type { Instances } from '../../instances/service.ts'
import { openValues } from '../../mail/sealed-values.ts'
import { MailError, MailMessage, type MailService } from '../../mail/service.ts'
import type { Secrets } from '../../secrets/secrets.ts'
import { JobFailure, type Task, type Worker } from '../service.ts'

/** Milliseconds before each further try. */
const delaysMs = [10_000, 60_000, 5 * 60_000, 30 * 60_000, 2 * 3_600_000]

export interface SendmailOptions {
  readonly mail: MailService
  readonly instances: Pick<Instances, 'byHost'>
  readonly secrets: Pick<Secrets, 'open'>
  /** Counts a mail that a client asked for; false when its instance has sent too many. */
  readonly mayAsk: (prefix: string) => Promise<boolean>
}

export function sendmailWorker({ mail, instances, secrets, mayAsk }: SendmailOptions): Worker {
  return {
    name: 'sendmail',
    concurrency: 8,
    maxExecCount: delaysMs.length + 1,
    timeout: 120,
    retryDelayMs: (failures) => delaysMs[failures - 1] ?? 2 * 3_600_000,
    async run(task) {
      const { message, tenant } = task
      const parsed = MailMessage.safeParse(message)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        throw new JobFailure(`the message of the mail is wrong: ${issue?.path.join('.')} ${issue?.message}`, {
          final: true,
        })
      }
      const instance = await instances.byHost(tenant.domain)
      if (instance === undefined) throw new JobFailure('the instance no longer exists', { final: true })
      // Otherwise anyone with an account could send advertisements to everyone in the operator's name.
      if (!task.trusted && task.attempt === 1 && !(await mayAsk(tenant.prefix))) {
        throw new JobFailure('too many mails were sent in this hour', { final: true })
      }
      try {
        await mail.send(instance, opened(parsed.data, task, secrets))
      } catch (cause) {
        if (cause instanceof MailError) throw new JobFailure(cause.message, { final: cause.permanent, cause })
        throw cause
      }
    },
  }
}

/**
 * The message with the values that were sealed. Only the server's own jobs are trusted with them: a client could copy them into
 * a mail to somebody else.
 */
function opened(
  { sealed_values: sealed, ...message }: MailMessage,
  { trusted, tenant }: Task,
  secrets: Pick<Secrets, 'open'>,
): MailMessage {
  if (sealed === undefined) return message
  const values = trusted ? openValues(secrets, tenant.prefix, sealed) : undefined
  if (values === undefined) throw new JobFailure('the sealed values of the mail cannot be opened', { final: true })
  return { ...message, template_values: { ...message.template_values, ...values } }
}
