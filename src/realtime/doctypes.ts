/** Which doctypes have events, and what a token must allow to hear them (documents 3.4, 7.2). */

import { isDoctypeName, isReadable } from '../documents/doctypes.ts'
import type { Permissions } from '../permissions/permissions.ts'

/** A doctype, or one document of it. */
export interface Target {
  readonly type: string
  /** Absent: all documents of the doctype. */
  readonly id?: string | undefined
}

/** Names that have events but never documents (documents 3.4). */
const eventsOnly: ReadonlySet<string> = new Set([
  'io.cozy.auth.confirmations',
  'io.cozy.jobs.events',
  'io.cozy.sharings.initial_sync',
  'io.cozy.notes.events',
  'io.cozy.notes.telepointers',
  'io.cozy.files.thumbnails',
  'io.cozy.apps.logs',
])

/** Heard with any token. */
const open: ReadonlySet<string> = new Set(['io.cozy.sharings.initial_sync', 'io.cozy.auth.confirmations'])

/** Heard by who may read files: they are about files. */
const aboutFiles: ReadonlySet<string> = new Set(['io.cozy.files.thumbnails', 'io.cozy.notes.events'])

/** True where documents are stored, so that there is a feed to follow. */
export function hasDocuments(type: string): boolean {
  return !eventsOnly.has(type)
}

/**
 * False for what is no doctype name, and for doctypes whose documents nobody reads through the document API: events hold
 * documents.
 */
export function hasEvents(type: string): boolean {
  return isDoctypeName(type) && (isReadable(type) || eventsOnly.has(type))
}

/** Whether a token may hear of a doctype or document: GET on the whole doctype, or on the id where one is given. */
export function mayHear(permissions: Permissions, { type, id }: Target): boolean {
  if (!hasEvents(type)) return false
  if (open.has(type)) return true
  const asked = aboutFiles.has(type) ? 'io.cozy.files' : type
  if (permissions.allowsType('GET', asked)) return true
  return id !== undefined && permissions.allowsDocument('GET', asked, { _id: id })
}
