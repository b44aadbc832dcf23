/** What becomes of each document of an archive, by its doctype. */
import { isObject, type JsonObject } from '../model/json/value.ts'

/** Databases of an instance that no import touches: its queue, its vault, its applications and the clients of its owner. */
const untouched: ReadonlySet<string> = new Set([
  'io.cozy.apps',
  'io.cozy.jobs',
  'io.cozy.konnectors',
  'io.cozy.oauth.access_codes',
  'io.cozy.oauth.clients',
])

/** What belongs to the instance that was exported: rights that were given there, and work that was under way. */
const leftOut: ReadonlySet<string> = new Set([
  'io.cozy.exports',
  'io.cozy.permissions',
  'io.cozy.sessions',
  'io.cozy.sessions.logins',
  'io.cozy.shared',
  'io.cozy.sharings',
])

const ownSettings: ReadonlySet<string> = new Set(['io.cozy.settings.instance', 'io.cozy.settings.bitwarden'])

export const appDoctypes: ReadonlySet<string> = new Set(['io.cozy.apps', 'io.cozy.konnectors'])
export const triggersDoctype = 'io.cozy.triggers'

/** Whether a database of the instance stays as it is. The vault is encrypted with a passphrase that only its owner knows. */
export function isUntouched(name: string): boolean {
  return untouched.has(name) || name.startsWith('com.bitwarden.')
}

/** Whether a document of an archive is imported. */
export function isImported(doctype: string, id: string, value: JsonObject): boolean {
  if (isUntouched(doctype) || leftOut.has(doctype) || id.startsWith('_')) return false
  if (doctype === 'io.cozy.settings') return !ownSettings.has(id)
  // Other workers' triggers are made again by what needs them.
  if (doctype === triggersDoctype) return value['worker'] === 'konnector'
  return true
}

/** A contact that is the owner gets the address by which the owner is known here. */
export function withOwnAddress(doctype: string, value: JsonObject, email: unknown): JsonObject {
  if (doctype !== 'io.cozy.contacts' || value['me'] !== true || typeof email !== 'string' || email === '') return value
  return { ...value, email: [{ address: email, primary: true }] }
}

/** A trigger works for the instance that it is in now. */
export function withOwnDomain(
  doctype: string,
  value: JsonObject,
  { domain, prefix }: { readonly domain: string; readonly prefix: string },
): JsonObject {
  if (doctype !== triggersDoctype) return value
  return { ...value, domain, ...(value['prefix'] === undefined ? {} : { prefix }) }
}

/** The document without another server's description of its content. */
export function withoutCertificates(value: JsonObject): JsonObject {
  const { metadata } = value
  if (!isObject(metadata)) return value
  const kept = Object.entries(metadata).filter(([name]) => name !== 'carbonCopy' && name !== 'electronicSafe')
  return { ...value, metadata: Object.fromEntries(kept) }
}

const dataFolder = 'My Cozy/Data/'
const filesFolder = 'My Cozy/Files/'

export type Place =
  | { readonly kind: 'document'; readonly doctype: string; readonly id: string }
  | { readonly kind: 'content' }
  /** Says something of the instance, or nothing that is known. */
  | { readonly kind: 'other' }

/** What an entry of an archive is, by its path. */
export function placeOf(path: string): Place {
  if (path.startsWith(filesFolder)) return { kind: 'content' }
  const match = path.startsWith(dataFolder) ? /^([^/]+)\/(.+)\.json$/s.exec(path.slice(dataFolder.length)) : null
  if (match === null) return { kind: 'other' }
  const [, doctype = '', id = ''] = match
  return { kind: 'document', doctype: decoded(doctype), id }
}

/** Names with a `/` are escaped. */
function decoded(doctype: string): string {
  try {
    return decodeURIComponent(doctype)
  } catch {
    return doctype
  }
}
