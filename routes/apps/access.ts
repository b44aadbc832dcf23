import type { AppKind } from '../../src/apps/apps.ts'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import type { AppsServices } from './services.ts'

/** The instance, when the token allows this with all applications, or with this one. @throws Problem `forbidden` */
export async function allowed(
  c: HttpContext,
  { instances }: Pick<AppsServices, 'instances'>,
  verb: 'GET' | 'POST' | 'DELETE',
  kind: AppKind,
  slug?: string,
): Promise<Instance> {
  const instance = await instanceOf(c, instances)
  const permissions = await permissionsOf(instances, instance, tokenOf(c))
  const type = `io.cozy.${kind}`
  const isAllowed =
    permissions.allowsType(verb, type) ||
    (slug !== undefined && permissions.allowsDocument(verb, type, { _id: `${type}/${slug}` }))
  if (!isAllowed) throw new Problem('forbidden', 'Forbidden')
  return instance
}
