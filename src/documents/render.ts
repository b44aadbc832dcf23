import type { StoredDocument } from '../../storage/documents/contract.ts'
import { quoteJson } from '../model/json/quote.ts'
import { formatRevision } from '../model/revision.ts'

export interface RenderOptions {
  /** Written as `_type` right after `_rev`. */
  readonly type?: string | undefined
  /** More members: values for `JSON.stringify` (`undefined` is left out), or ready-made text such as `"_conflicts":[]`. */
  readonly extra?: Readonly<Record<string, unknown>> | string | undefined
}

/**
 * A stored document as clients see it. Special members go in front of the stored text, which is neither parsed nor
 * changed.
 */
export function documentText(
  document: Pick<StoredDocument, 'id' | 'gen' | 'hash' | 'deleted' | 'text'>,
  { type, extra }: RenderOptions = {},
): string {
  const { id, deleted, text } = document
  let head = `{"_id":${quoteJson(id)},"_rev":${quoteJson(formatRevision(document))}`
  if (type !== undefined) head += `,"_type":${quoteJson(type)}`
  if (deleted) head += ',"_deleted":true'
  const more = extra === undefined ? '' : typeof extra === 'string' ? extra : membersText(extra)
  if (more !== '') head += `,${more}`
  return text === '{}' ? `${head}}` : `${head},${text.slice(1)}`
}

function membersText(members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(members).slice(1, -1)
}
