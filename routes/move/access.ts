/** Who asks, of which instance, and how often. */
import { decodeJwt } from 'jose'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { type HttpContext, header } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import type { MoveServices } from './services.ts'

/** Names of rights only: no document has these types. */
export type MoveRight = 'io.cozy.exports' | 'io.cozy.exports.requests' | 'io.cozy.imports'

/** Enters with a token that allows POST on all of the type. Throws 404 for an unknown host, 401 without a token, else 403. */
export async function enter(
  c: HttpContext,
  { instances }: Pick<MoveServices, 'instances'>,
  right: MoveRight,
): Promise<Instance> {
  const instance = await instanceOf(c, instances)
  const permissions = await permissionsOf(instances, instance, tokenOf(c))
  if (!permissions.allowsType('POST', right)) throw new Problem('forbidden', 'Forbidden')
  return instance
}

/** The OAuth client whose token this is; `undefined` for tokens of other kinds. To be asked after `enter`. */
export function oauthClientOf(c: HttpContext): string | undefined {
  const { aud, sub } = decodeJwt(tokenOf(c) ?? '')
  return aud === 'access' ? (sub ?? '') : undefined
}

/** What an instance may ask for in a day. */
const daily = { max: 5, perMs: 86_400_000 }

/** Counts a request for an export or a move. Too many are answered as if there were nothing here. */
export async function countOrder({ attempts }: Pick<MoveServices, 'attempts'>, { prefix }: Instance): Promise<void> {
  const { allowed } = await attempts.count(`export ${prefix}`, daily)
  if (!allowed) throw new Problem('not_found', 'Not found')
}

/** The host under which the client knows the instance. */
export function hostOf(c: HttpContext): string {
  return (header(c, 'host') ?? new URL(c.req.url).host).toLowerCase()
}

/** What moves away, or has moved, must not be replaced: the target of the move could do so with its token. @throws Problem `conflict` */
export async function requireStaying(instance: Instance, { moves }: Pick<MoveServices, 'moves'>): Promise<void> {
  const isBusy = instance.document['moved'] === true || (await moves.isLeaving(instance))
  if (isBusy) throw new Problem('conflict', 'This instance is being moved, or has moved.')
}
