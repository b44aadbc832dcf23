/** Shared by creating and modifying: parameters, and the members of the documents that they become. */
import type { Json, JsonObject } from '../model/json/value.ts'
import { badTosVersion, invalidParameter } from './problems.ts'
import type { InstanceChanges } from './service.ts'

/** How an owner signs in, by name, as instances keep it. */
export const authModes: Readonly<Record<string, number>> = { basic: 0, two_factor_mail: 1, two_factor_oidc: 2 }

/** Settings that belong to the instance and not to the settings document, and where they go. */
function lifted(key: string, value: string): InstanceChanges | undefined {
  switch (key) {
    case 'context':
      return { contextName: value }
    case 'locale':
      return { locale: value }
    case 'uuid':
      return { uuid: value }
    case 'oidc_id':
      return { oidcId: value }
    case 'tos':
      return { tosSigned: value }
    case 'tos_latest':
      return { tosLatest: value }
    case 'auto_update':
      return { autoUpdate: value === 'true' }
    case 'auth_mode':
      return { authMode: value }
    default:
      return undefined
  }
}

/** Changes with the lifted settings in their places. The rest of `settings` stays. Empty strings are not given. */
export function liftSettings<Changes extends InstanceChanges>(changes: Changes): Changes {
  let result: Changes = { ...changes, settings: undefined }
  const rest: [string, string][] = []
  for (const [key, value] of changes.settings ?? []) {
    if (key === '' || key.startsWith('_')) {
      throw invalidParameter(
        'Settings',
        `A setting needs a name that does not start with an underscore: ${key}:${value}`,
      )
    }
    const change = lifted(key, value)
    if (change === undefined) rest.push([key, value])
    else result = { ...result, ...change }
  }
  return { ...result, settings: rest }
}

/** Members of the instance document that the changes set. Nothing is set for what was not given. */
export function instanceMembers(changes: InstanceChanges): JsonObject {
  const mode = changes.authMode === undefined ? undefined : ownNumber(authModes, changes.authMode)
  return present({
    old_domain: changes.oldDomain,
    locale: changes.locale,
    uuid: changes.uuid,
    oidc_id: changes.oidcId,
    franceconnect_id: changes.franceConnectId,
    context: changes.contextName,
    tos: changes.tosSigned === undefined ? undefined : signedTos(changes.tosSigned),
    tos_latest: changes.tosLatest === undefined ? undefined : tosVersion(changes.tosLatest),
    sponsorships: changes.sponsorships,
    magic_link: changes.magicLink,
    no_auto_update: changes.autoUpdate === undefined ? undefined : !changes.autoUpdate,
    auth_mode: mode,
  })
}

/** Members of `io.cozy.settings.instance` that the changes set. */
export function settingsMembers(changes: InstanceChanges): JsonObject {
  return {
    ...Object.fromEntries(changes.settings ?? []),
    ...present({ tz: changes.timezone, email: changes.email, public_name: changes.publicName, phone: changes.phone }),
  }
}

/** `A.B.C-YYYYMMDD`. @throws Problem `bad_request` */
function tosVersion(version: string): string {
  if (!/^\d+\.\d+\.\d+-\d{8}$/.test(version)) throw badTosVersion()
  return version
}

/** A bare date means version 1.0.0 of that day. */
function signedTos(version: string): string {
  return tosVersion(/^\d{8}$/.test(version) ? `1.0.0-${version}` : version)
}

/** True when having signed one version makes signing the other needless. Both are of the form `A.B.C-YYYYMMDD`. */
export function coversTos(signed: string, latest: string): boolean {
  const left = signed.split(/[.-]/).map(Number)
  const right = latest.split(/[.-]/).map(Number)
  const index = left.findIndex((part, place) => part !== right[place])
  return index < 0 || (left[index] ?? 0) > (right[index] ?? 0)
}

/** Leaves out what is `undefined`, an empty string or an empty list. */
function present(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  const kept = Object.entries(members).filter((entry): entry is [string, Json] => {
    const value = entry[1]
    return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)
  })
  return Object.fromEntries(kept)
}

function ownNumber(table: Readonly<Record<string, number>>, key: string): number | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
