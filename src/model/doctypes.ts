/** Names of doctypes and databases, and which of them are reserved for their own API. */
import { Problem } from './errors.ts'

/** Bytes; the characters allowed are ASCII. */
const maxDoctypeLength = 200
/** As CouchDB. */
const maxDatabaseLength = 238

/** ASCII lower case, digits, `.` and `_`; no dot at either end, no `..`, no `_` in front (those are routes). */
export function isDoctypeName(name: string): boolean {
  return name.length <= maxDoctypeLength && /^[a-z0-9][a-z0-9_]*(?:\.[a-z0-9_]+)*$/.test(name)
}

/** What `/couchdb` accepts: CouchDB's names and doctype names. */
export function isDatabaseName(name: string): boolean {
  return isDoctypeName(name) || (name.length <= maxDatabaseLength && /^[a-z][a-z0-9_$()+/-]*$/.test(name))
}

/** False for doctypes that cannot be read through the document API. */
export function isReadable(doctype: string): boolean {
  return !unreadable.has(doctype)
}

/** False for doctypes that cannot be written through the document API. */
export function isWritable(doctype: string): boolean {
  return !unreadable.has(doctype) && !readOnly.has(doctype)
}

/** True for what `/data` shows: a valid doctype name that may be read. */
export function isReadableDoctype(name: string): boolean {
  return isDoctypeName(name) && isReadable(name)
}

/** Throws `forbidden` in the words that clients look for. */
export function checkDoctype(name: string, mode: 'read' | 'write'): void {
  if (!isDoctypeName(name)) throw new Problem('forbidden', `${name} is not a valid doctype name`)
  if (!isReadable(name)) throw new Problem('forbidden', `reserved doctype ${name} unreadable`)
  if (mode === 'write' && !isWritable(name)) throw new Problem('forbidden', `reserved doctype ${name} unwritable`)
}

/** Names that have events but never documents. */
export const eventsOnly: ReadonlySet<string> = new Set([
  'io.cozy.auth.confirmations',
  'io.cozy.jobs.events',
  'io.cozy.sharings.initial_sync',
  'io.cozy.notes.events',
  'io.cozy.notes.telepointers',
  'io.cozy.files.thumbnails',
  'io.cozy.apps.logs',
])

const unreadable: ReadonlySet<string> = new Set([
  'instances',
  'io.cozy.account_types',
  'io.cozy.konnectors.maintenance',
  'io.cozy.remote.secrets',
  'io.cozy.sessions',
  'io.cozy.permissions',
  'io.cozy.intents',
  'io.cozy.oauth.clients',
  'io.cozy.oauth.access_codes',
  'io.cozy.files.archives',
  'io.cozy.sharings',
  'io.cozy.shared',
  'io.cozy.accounts.soft_deleted',
  // Answers of other APIs, never stored.
  'io.cozy.certified.carbon_copy',
  'io.cozy.certified.electronic_safe',
  'io.cozy.files.sizes',
  'io.cozy.triggers.state',
  'io.cozy.sharings.answer',
  'io.cozy.sharings.moved',
  'io.cozy.support',
  'com.bitwarden.profiles',
  'io.cozy.office.url',
  'io.cozy.notes.url',
  'io.cozy.apps.open',
  ...eventsOnly,
])

const readOnly: ReadonlySet<string> = new Set([
  'io.cozy.jobs',
  'io.cozy.triggers',
  'io.cozy.apps',
  'io.cozy.konnectors',
  'io.cozy.files',
  'io.cozy.files.versions',
  'io.cozy.notifications',
  'io.cozy.remote.requests',
  'io.cozy.sessions.logins',
  'io.cozy.notes.steps',
  'io.cozy.notes.images',
  'com.bitwarden.contacts',
])
