/** Who asks, of which instance, and what a token allows on workers. */
import { decodeJwt } from 'jose'
import { audienceNamed } from '../../src/instances/audience.ts'
import type { Instance } from '../../src/instances/service.ts'
import { clientWorker, isKnownWorker, isReservedWorker } from '../../src/jobs/worker-names.ts'
import { Problem } from '../../src/model/errors.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import type { Permissions, Verb } from '../../src/model/permissions.ts'
import type { HttpContext } from '../http/router.ts'
import { instanceOf, permissionsOf, tokenOf } from '../http/tenant.ts'
import type { JobsServices } from './services.ts'

export interface Visit {
  readonly instance: Instance
  readonly permissions: Permissions
  /** The token was made by the operator, for the command line. */
  readonly isOperator: boolean
}

/** Enters with any valid token. Throws 404 for an unknown host, 401 without a token. */
export async function enter(c: HttpContext, { instances }: Pick<JobsServices, 'instances'>): Promise<Visit> {
  const instance = await instanceOf(c, instances)
  const token = tokenOf(c)
  const permissions = await permissionsOf(instances, instance, token)
  return { instance, permissions, isOperator: token !== undefined && audienceOf(token) === 'cli' }
}

/** Throws 403 unless the token allows `verb` on these documents: by worker, by id, or on all of the doctype. */
export function requireDocument({ permissions }: Visit, verb: Verb, doctype: string, document: JsonObject): void {
  if (!permissions.allowsDocument(verb, doctype, document)) throw forbidden()
}

/** Throws 403 unless the token allows `verb` on all of the doctype. */
export function requireType({ permissions }: Visit, verb: Verb, doctype: string): void {
  if (!permissions.allowsType(verb, doctype)) throw forbidden()
}

/** Throws 404 for workers that nobody knows, 403 for those that only the server may push to. */
export function requireWorker({ isOperator }: Visit, worker: string): void {
  if (worker === clientWorker && isOperator) return
  if (!isKnownWorker(worker)) throw new Problem('not_found', 'jobs: could not find worker')
  if (isReservedWorker(worker) && !isOperator) throw forbidden()
}

export function forbidden(): Problem {
  return new Problem('forbidden', 'Forbidden')
}

/** Of a token that was verified before. */
function audienceOf(token: string) {
  const { aud } = decodeJwt(token)
  return audienceNamed(String(Array.isArray(aud) ? aud[0] : aud))
}
