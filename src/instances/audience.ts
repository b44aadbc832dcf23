/** Whom a token is for: decides which secret signs it and how long it lives. */
import type { Audience } from '../model/permissions.ts'
import type { Instance } from './instance.ts'

export type { Audience }

const names: Readonly<Record<string, Audience>> = {
  app: 'app',
  webapp: 'app',
  konn: 'konn',
  konnector: 'konn',
  access: 'access',
  'access-token': 'access',
  refresh: 'refresh',
  'refresh-token': 'refresh',
  share: 'share',
  cli: 'cli',
}

/** The audience that a client names; `undefined` when there is none of that name. */
export function audienceNamed(name: string): Audience | undefined {
  return Object.hasOwn(names, name) ? names[name] : undefined
}

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** Seconds from `iat` to the end of a token's life; `undefined`: it never ends. */
export function lifetimeOf(
  audience: Audience,
  options: { readonly session: boolean; readonly cliLifetime: number },
): number | undefined {
  switch (audience) {
    case 'app':
      return options.session ? day : 30 * minute
    case 'konn':
      return 30 * minute
    case 'cli':
      return options.cliLifetime
    case 'access':
      return 7 * day
    case 'refresh':
    case 'share':
      return undefined
  }
}

/** The key that signs tokens of an audience, out of the instance's secrets. */
export function keyOf(instance: Pick<Instance, 'document'>, audience: Audience): Uint8Array {
  switch (audience) {
    case 'app':
    case 'konn':
      return Buffer.concat([Buffer.from('2:'), secret(instance, 'session_secret')])
    case 'access':
    case 'refresh':
    case 'share':
      return secret(instance, 'oauth_secret')
    case 'cli':
      return secret(instance, 'cli_secret')
  }
}

/** An instance without its secret must not accept tokens signed with an empty key. */
function secret(instance: Pick<Instance, 'document'>, name: string): Buffer {
  const text = instance.document[name]
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64')
  if (bytes.length < 32) throw new Error(`an instance has no usable ${name}`)
  return bytes
}
