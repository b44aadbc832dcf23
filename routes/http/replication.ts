/** What both faces say alike to replicators: `_revs_diff`, `_missing_revs` and `_bulk_get`. */
import { z } from '@hono/zod-openapi'
import { parseBulkGet, wantContents } from '../../src/documents/replication.ts'
import type { BulkGetResult, Documents, RevisionsDiff } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { quoteJson } from '../../src/model/json/quote.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { joinRows } from './all-docs.ts'
import { filling } from './attachment.ts'
import { readJson } from './body.ts'
import { exactlyTrue, textParameter } from './parameters.ts'
import type { HttpContext } from './router.ts'
import { streamJson } from './stream.ts'

/** Revisions by document, for declarations. */
export const revisionLists = z.record(z.string(), z.array(z.string())).describe('Revisions by the id of their document')

export const revsDiffAnswer = z
  .record(z.string(), z.object({ missing: z.array(z.string()), possible_ancestors: z.array(z.string()).optional() }))
  .describe('What is missing, by id; documents that lack nothing are left out')

export const bulkGetBody = z.object({
  docs: z.array(z.object({ id: z.string(), rev: z.string().optional() })).describe('Without rev: all leaves'),
})

export const bulkGetAnswer = z
  .object({ results: z.array(z.object({ id: z.string(), docs: z.array(z.object({})) })) })
  .describe('One result for each of docs, in their order; each of its docs is `{ok}` or `{error}`')

const refused = ['rev', 'open_revs', 'new_edits', 'w', 'atts_since'] as const

/** The query of `_bulk_get`. Throws `bad_request` for parameters that belong to single documents. */
export const bulkGetQuery = z
  .object({
    revs: exactlyTrue().describe('true: add _revisions'),
    latest: exactlyTrue().describe('true: the leaves that descend from the revisions asked for'),
    attachments: exactlyTrue().describe('true: attachments with their content'),
    rev: textParameter().describe('Refused'),
    open_revs: textParameter().describe('Refused'),
    new_edits: textParameter().describe('Refused'),
    w: textParameter().describe('Refused'),
    atts_since: textParameter().describe('Refused'),
  })
  .transform((asked) => {
    const wrong = refused.find((name) => asked[name] !== undefined)
    if (wrong !== undefined) throw new Problem('bad_request', `The parameter ${wrong} is not allowed in _bulk_get.`)
    return { revs: asked.revs, latest: asked.latest, attachments: asked.attachments }
  })

/** The answer of `_revs_diff`. Ids may be `__proto__`, so the object is printed member by member. */
export function revsDiffText(diffs: readonly RevisionsDiff[]): string {
  const members = diffs.map(({ id, missing, possibleAncestors }) => {
    const ancestors = possibleAncestors.length > 0 ? { possible_ancestors: possibleAncestors } : {}
    return `${quoteJson(id)}:${JSON.stringify({ missing, ...ancestors })}`
  })
  return `{${members.join(',')}}`
}

/** The answer of `_missing_revs`. */
export function missingRevsText(diffs: readonly RevisionsDiff[]): string {
  const members = diffs.map(({ id, missing }) => `${quoteJson(id)}:${JSON.stringify(missing)}`)
  return `{"missing_revs":{${members.join(',')}}}`
}

/** Reads the body of `_bulk_get` and streams the answer. Throws `bad_request` for a body without a list of documents. */
export async function answerBulkGet(
  c: HttpContext,
  documents: Pick<Documents, 'bulkGet' | 'withContents'>,
  ref: DatabaseRef,
  asked: z.output<typeof bulkGetQuery>,
  maxBytes: number,
): Promise<Response> {
  const { value } = await readJson(c, { maxBytes })
  const lines = parseBulkGet(value)
  const rows = joinRows(await documents.bulkGet(ref, lines, asked), resultText)
  const fill = filling(documents, ref, asked.attachments || wantContents(lines))
  return streamJson(c, '{"results":[', fill?.(rows) ?? rows, ']}')
}

function resultText({ id, docs }: BulkGetResult): string {
  const rows = docs.map((one) => ('ok' in one ? `{"ok":${one.ok.text}}` : `{"error":${stringifyJson(one.error)}}`))
  return `{"id":${JSON.stringify(id)},"docs":[${rows.join(',')}]}`
}
