/** Who asks, of which instance, and who may send notes about a doctype. */
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Permissions } from '../../src/model/permissions.ts'
import { hasEvents } from '../../src/realtime/doctypes.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import type { RealtimeServices } from './services.ts'

export interface Visit {
  readonly instance: Instance
  readonly permissions: Permissions
}

/** Enters to send notes about some document of a doctype. Throws 404 for an unknown host, 401 without a token, and 403. */
export async function enterToNotify(
  c: HttpContext,
  { instances }: Pick<RealtimeServices, 'instances'>,
  doctype: string,
): Promise<Visit> {
  const instance = await instanceOf(c, instances)
  if (!hasEvents(doctype)) throw new Problem('forbidden', `${doctype} is not a doctype with events`)
  const permissions = await permissionsOf(instances, instance, tokenOf(c))
  if (!permissions.allowsSome('POST', doctype)) throw forbidden()
  return { instance, permissions }
}

export function forbidden(): Problem {
  return new Problem('forbidden', 'Forbidden')
}
