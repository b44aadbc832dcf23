/**
 * Which members of an account are secret, and how they are kept: the login and password of `auth` together in
 * `credentials_encrypted`, every other one under its name followed by `_encrypted`, as in cozy-stack.
 */
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { isSealed, type Secrets } from './secrets.ts'

/** The doctype whose documents hold passwords of other services. */
export const accountsDoctype = 'io.cozy.accounts'

const credentials = 'credentials_encrypted'
const suffix = '_encrypted'

/** Members that are secret anywhere below `auth` and `oauth`. */
const secretName =
  /(^|_)(dob|code|answer|session|otp|pin)$|(password|passphrase|passwd|passcode|secret|token|api_?key|private_?key)$/i

/** Objects of secrets: at the top of an account, and in its `data`. */
const holders: ReadonlySet<string> = new Set(['auth', 'oauth'])

/** What secrets of an account are bound to: secrets copied from another tenant cannot be opened here. */
export function accountContext(prefix: string): string {
  return `account ${prefix}`
}

/** The same account with its secrets sealed; the very same object when there is nothing to seal. */
export function sealAccount(account: JsonObject, secrets: Secrets, context: string): JsonObject {
  return mapHolders(account, (holder) => {
    const members = new Map<string, Json>()
    for (const [name, value] of Object.entries(holder)) if (!isSecret(name, value)) members.set(name, value)
    if (members.size === Object.keys(holder).length) return holder
    for (const [name, value] of Object.entries(holder)) {
      if (!isSecret(name, value)) continue
      if (name !== 'password') members.set(name + suffix, secrets.seal(stringifyJson(value), context))
      else {
        const { login } = holder
        const pair = login === undefined ? { password: value } : { login, password: value }
        members.set(credentials, secrets.seal(stringifyJson(pair), context))
      }
    }
    return Object.fromEntries(members)
  })
}

export interface OpenedAccount {
  readonly account: JsonObject
  /** Some secret could not be opened; it is left as it was. */
  readonly incomplete: boolean
}

/** The account with its secrets in plain text. */
export function openAccount(account: JsonObject, secrets: Pick<Secrets, 'open'>, context: string): OpenedAccount {
  let incomplete = false
  const opened = mapHolders(account, (holder) => {
    const members = new Map<string, Json>(Object.entries(holder))
    for (const [name, value] of Object.entries(holder)) {
      if (!isSealedMember(name, value)) continue
      const clear = secrets.open(value, context)
      if (clear === undefined) {
        incomplete = true
        continue
      }
      members.delete(name)
      const { exact } = parseJson(clear)
      if (name === credentials && isObject(exact))
        for (const [key, member] of Object.entries(exact)) members.set(key, member)
      else members.set(name.slice(0, -suffix.length), exact)
    }
    return members.size === Object.keys(holder).length && !Object.values(holder).some(isSealed)
      ? holder
      : Object.fromEntries(members)
  })
  return { account: opened, incomplete }
}

/** The account without anything sealed, with whatever key. */
export function withoutSealed(account: JsonObject): JsonObject {
  return mapHolders(account, (holder) => {
    const members = Object.entries(holder).filter(([name, value]) => !isSealedMember(name, value))
    return members.length === Object.keys(holder).length ? holder : Object.fromEntries(members)
  })
}

/** Whether a member of `auth` or `oauth` is secret by its name. */
export function isSecretName(name: string): boolean {
  return secretName.test(name)
}

function isSecret(name: string, value: Json): boolean {
  return isSecretName(name) && value !== null && value !== ''
}

function isSealedMember(name: string, value: Json): value is string {
  return name.endsWith(suffix) && typeof value === 'string'
}

/** What `map` makes of every object below a holder; objects in which nothing changes stay the same. */
function mapHolders(account: JsonObject, map: (holder: JsonObject) => JsonObject): JsonObject {
  const deep = (holder: JsonObject): JsonObject => map(mapMembers(holder, (_, member) => deep(member)))
  const top = (object: JsonObject, level: number): JsonObject =>
    mapMembers(object, (name, member) => {
      if (holders.has(name)) return deep(member)
      return name === 'data' && level === 0 ? top(member, 1) : member
    })
  return top(account, 0)
}

function mapMembers(object: JsonObject, map: (name: string, member: JsonObject) => JsonObject): JsonObject {
  let changed = false
  const members = Object.entries(object).map(([name, member]): [string, Json] => {
    if (!isObject(member)) return [name, member]
    const mapped = map(name, member)
    if (mapped !== member) changed = true
    return [name, mapped]
  })
  return changed ? Object.fromEntries(members) : object
}
