/** Sends the mails of jobs. A mail server that is away is tried again for some hours. */
import type { Instances } from '../../instances/service.ts'
import { MailError, MailMessage, type MailService } from '../../mail/service.ts'
import { JobFailure, type Worker } from '../service.ts'

/** Milliseconds before each further try. */
const delaysMs = [10_000, 60_000, 5 * 60_000, 30 * 60_000, 2 * 3_600_000]

export function sendmailWorker(mail: MailService, instances: Pick<Instances, 'byHost'>): Worker {
  return {
    name: 'sendmail',
    concurrency: 8,
    maxExecCount: delaysMs.length + 1,
    timeout: 120,
    retryDelayMs: (failures) => delaysMs[failures - 1] ?? 2 * 3_600_000,
    async run({ message, tenant }) {
      const parsed = MailMessage.safeParse(message)
      if (!parsed.success) {
        const [issue] = parsed.error.issues
        throw new JobFailure(`the message of the mail is wrong: ${issue?.path.join('.')} ${issue?.message}`, {
          final: true,
        })
      }
      const instance = await instances.byHost(tenant.domain)
      if (instance === undefined) throw new JobFailure('the instance no longer exists', { final: true })
      try {
        await mail.send(instance, parsed.data)
      } catch (cause) {
        if (cause instanceof MailError) throw new JobFailure(cause.message, { final: cause.permanent, cause })
        throw cause
      }
    },
  }
}
