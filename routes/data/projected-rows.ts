/** `_all_docs` with `Fields` or `DesignDocs`: a variant that always sends documents. */
import type { AllDocsQuery, AllDocsRow } from '../../src/documents/service.ts'
import { parseJson, stringifyJson } from '../../src/model/json/exact.ts'
import { type FieldTree, fieldTree, project } from '../http/projection.ts'

/** The parameters that this variant honours, as text. */
export interface ProjectedText {
  readonly Fields?: string | undefined
  readonly DesignDocs?: string | undefined
  readonly limit?: string | undefined
  readonly skip?: string | undefined
  readonly descending?: string | undefined
  readonly startkey?: string | undefined
  readonly endkey?: string | undefined
}

/** The query for the engine. Malformed counts are ignored, as is `limit=0`. */
export function projectedListing(text: ProjectedText): AllDocsQuery {
  return {
    start: bound(text.startkey),
    end: bound(text.endkey),
    descending: text.descending === 'true',
    skip: count(text.skip),
    limit: count(text.limit) || undefined,
    includeDocs: true,
    conflicts: false,
    designs: 'all',
  }
}

/** A printer of rows, and how many it kept. Rows of design documents are left out when `DesignDocs` is `false`. */
export function projectedRows(text: ProjectedText): {
  readonly print: (row: AllDocsRow) => string | undefined
  readonly kept: () => number
} {
  const tree = text.Fields === undefined || text.Fields === '' ? undefined : fieldTree(text.Fields)
  let kept = 0
  return {
    kept: () => kept,
    print: (row) => {
      if (row.kind !== 'found' || row.document === undefined) return undefined
      if (text.DesignDocs === 'false' && row.id.startsWith('_design/')) return undefined
      kept += 1
      return `{"id":${JSON.stringify(row.id)},"rev":${JSON.stringify(row.rev)},"doc":${cutDown(row.document.text, tree)}}`
    },
  }
}

function cutDown(text: string, tree: FieldTree | undefined): string {
  return tree === undefined ? text : stringifyJson(project(parseJson(text), tree))
}

/** An id as it is, or as JSON text. */
function bound(text: string | undefined): AllDocsQuery['start'] {
  if (text === undefined) return undefined
  return { id: /^".*"$/s.test(text) ? String(parseJson(text).value) : text, inclusive: true }
}

function count(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0
}
