/** Events as clients receive them: the text is made once, whoever is listening. */
import type { ChangedDocument, StoredDocument } from '../../storage/documents/contract.ts'
import { documentText } from '../documents/render.ts'
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { quoteJson } from '../model/json/quote.ts'

export type EventKind = 'CREATED' | 'UPDATED' | 'DELETED' | 'NOTIFIED'

/** UTF-8 of one JSON object. */
export type Frame = Uint8Array

/**
 * What happened to a document, from its place in the feed alone. It was created when its first revision
 * is the whole history, or when it follows a tombstone: it could not be read before. With several leaves the winner may
 * have stayed the same, or be an old revision that another one's deletion brought back: then it was updated.
 */
export function kindOf(document: ChangedDocument): EventKind {
  if (document.deleted) return 'DELETED'
  if (document.leaves > 1) return 'UPDATED'
  return document.gen === 1 || document.parent?.deleted === true ? 'CREATED' : 'UPDATED'
}

/** The event of a row of the feed. A deleted document comes with the members that it had, while these are kept. */
export function changeFrame(type: string, document: ChangedDocument): Frame {
  const { parent, deleted } = document
  const kept = deleted && parent?.deleted === false ? parent.text : undefined
  const text = withoutObjectName(kept ?? document.text)
  return frame(kindOf(document), type, document.id, documentText({ ...document, text }))
}

/** A document that is announced as new, whatever its place in a feed. */
export function createdFrame(type: string, document: StoredDocument): Frame {
  return frame('CREATED', type, document.id, documentText(document))
}

/** `text`: the JSON object that is passed on. */
export function notificationFrame(type: string, id: string, text: string): Frame {
  return frame('NOTIFIED', type, id, text)
}

/** The name of a file's content in the object store is not disclosed. */
function withoutObjectName(text: string): string {
  if (!text.includes('"internal_vfs_id"')) return text
  const { exact } = parseJson(text)
  return stringifyJson(Object.fromEntries(Object.entries(exact ?? {}).filter(([name]) => name !== 'internal_vfs_id')))
}

function frame(event: EventKind, type: string, id: string, doc: string): Frame {
  return Buffer.from(`{"event":"${event}","payload":{"type":${quoteJson(type)},"id":${quoteJson(id)},"doc":${doc}}}`)
}
