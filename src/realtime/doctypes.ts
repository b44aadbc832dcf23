/** Which doctypes have events, and what a token must allow to receive them. */

import { eventsOnly, isDoctypeName, isReadable } from '../model/doctypes.ts'
import type { Permissions } from '../model/permissions.ts'

/** A doctype, or one document of it. */
export interface Target {
  readonly type: string
  /** Absent: all documents of the doctype. */
  readonly id?: string | undefined
}

/** Heard with any token. */
const open: ReadonlySet<string> = new Set(['io.cozy.sharings.initial_sync', 'io.cozy.auth.confirmations'])

/** Received by whoever may read files: they are about files. */
const aboutFiles: ReadonlySet<string> = new Set(['io.cozy.files.thumbnails', 'io.cozy.notes.events'])

/** True where documents are stored, so that there is a feed to follow. */
export function hasDocuments(type: string): boolean {
  return !eventsOnly.has(type)
}

/**
 * False for what is not a doctype name, and for doctypes whose documents nobody reads through the document API: events hold
 * documents.
 */
export function hasEvents(type: string): boolean {
  return isDoctypeName(type) && (isReadable(type) || eventsOnly.has(type))
}

/** Ids of the directories above a file. */
export type Ancestors = (fileId: string) => Promise<readonly string[]>

/**
 * Whether a token may receive events of a doctype or document: GET on the whole doctype, or on the id where one is given; for files
 * also on a directory above.
 */
export async function mayHear(permissions: Permissions, { type, id }: Target, ancestors: Ancestors): Promise<boolean> {
  if (!hasEvents(type)) return false
  if (open.has(type)) return true
  const asked = aboutFiles.has(type) ? 'io.cozy.files' : type
  if (permissions.allowsType('GET', asked)) return true
  if (id === undefined || !permissions.allowsSome('GET', asked)) return false
  if (permissions.allowsDocument('GET', asked, { _id: id })) return true
  if (asked !== 'io.cozy.files') return false
  return (await ancestors(id)).some((above) => permissions.allowsDocument('GET', asked, { _id: above }))
}
