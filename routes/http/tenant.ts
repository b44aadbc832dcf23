/** Whose data a request speaks of (by `Host`) and what its token may do there. */

import type { Instance, Instances } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Permissions } from '../../src/model/permissions.ts'
import { query, rawQuery } from './query.ts'
import { type HttpContext, header } from './router.ts'

/** The instance that the `Host` header names; `not_found` that names the host when there is none. */
export async function instanceOf(c: HttpContext, instances: Pick<Instances, 'byHost'>): Promise<Instance> {
  const host = header(c, 'host') ?? new URL(c.req.url).host
  const instance = await instances.byHost(host)
  if (instance === undefined) throw new Problem('not_found', 'Instance not found', { identity: { kind: 'host', host } })
  return instance
}

/**
 * The token of a request: `Authorization: Bearer TOKEN`, `Authorization: Basic` with the token as password, or
 * `?bearer_token=TOKEN`, the first that is there. Schemes in any case.
 */
export function tokenOf(c: HttpContext): string | undefined {
  const authorization = header(c, 'authorization')
  if (authorization !== undefined) {
    const space = authorization.indexOf(' ')
    const scheme = authorization.slice(0, space).toLowerCase()
    const credentials = authorization.slice(space + 1).trim()
    if (scheme === 'bearer' && credentials !== '') return credentials
    if (scheme === 'basic') {
      const password = basicPassword(credentials)
      if (password !== '') return password
    }
  }
  if (!rawQuery(c).includes('bearer_token=')) return undefined
  const token = query(c).last('bearer_token')
  return token === '' ? undefined : token
}

/**
 * What the token may do. `unauthorized` with `identity.token` set to `missing` when there is none; the problems of
 * `Instances.authorise` (`invalid`, `expired`) otherwise.
 */
export function permissionsOf(
  instances: Pick<Instances, 'authorise'>,
  instance: Instance,
  token: string | undefined,
): Promise<Permissions> {
  if (token === undefined) {
    throw new Problem('unauthorized', 'No token in request', { identity: { kind: 'token', token: 'missing' } })
  }
  return instances.authorise(instance, token)
}

function basicPassword(credentials: string): string {
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? '' : text.slice(colon + 1)
}
