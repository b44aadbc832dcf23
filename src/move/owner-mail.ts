/** Mails of exports, imports and moves to the owner of an instance. */
import type { Instance } from '../instances/service.ts'
import type { JobQueue } from '../jobs/service.ts'
import { sealValues } from '../mail/sealed-values.ts'
import type { TemplateName } from '../mail/templates.ts'
import type { JsonObject } from '../model/json/value.ts'
import type { Secrets } from '../secrets/secrets.ts'

/** Sends a mail through a job. The values cannot be read from the job. */
export async function mailOwner(
  { jobs, secrets }: { readonly jobs: JobQueue; readonly secrets: Secrets },
  { prefix, domain }: Instance,
  template: TemplateName,
  values: JsonObject,
): Promise<void> {
  await jobs.push({
    tenant: { prefix, domain },
    worker: 'sendmail',
    message: { mode: 'noreply', template_name: template, sealed_values: sealValues(secrets, prefix, values) },
  })
}
