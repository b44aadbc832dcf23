/** Chooses the index that serves a query. */
import type { IndexView } from '../../../storage/documents/contract.ts'
import { compareBytes } from './collation.ts'
import { type FieldRanges, fieldRanges } from './field-range.ts'
import type { FindRequest, IndexHint } from './find-request.ts'
import { type IndexDefinition, parseDefinition } from './index-definition.ts'
import { type Obstacle, obstacle, primaryObstacle } from './usable.ts'

export interface Candidate {
  readonly view: IndexView
  readonly definition: IndexDefinition
  /** `is_partial`: it leaves documents out and the query did not name it. */
  readonly obstacle: Obstacle | 'is_partial' | undefined
  /** How many ranges of the selector the leading columns of the index do not cover. */
  readonly uncovered: number
}

/** Everything that the choice was made from. */
export interface Choice {
  readonly ranges: FieldRanges
  /** Best first among the usable ones. */
  readonly candidates: readonly Candidate[]
  readonly primaryObstacle: Obstacle | undefined
  readonly best: Candidate | 'primary' | undefined
  /** True when the requested index was chosen, or none was requested. */
  readonly asAsked: boolean
}

/** Views with a filter take part only when the query names them; a JSON index always beats the primary one. */
export function chooseIndex(request: FindRequest, views: readonly IndexView[]): Choice {
  const { selector, hint } = request
  const sort = request.sort.map(([field]) => field)
  const ranges = fieldRanges(selector)
  const candidates = views.map((view): Candidate => {
    const definition = parseDefinition(view.definition)
    const partial = definition.filter !== undefined && !(hint !== undefined && isNamed(view, hint))
    const found = partial ? 'is_partial' : obstacle(definition, selector, sort)
    return { view, definition, obstacle: found, uncovered: uncovered(definition, ranges) }
  })
  candidates.sort(compareCandidates)
  const usable = candidates.filter((candidate) => candidate.obstacle === undefined)
  const named = hint === undefined ? undefined : usable.find(({ view }) => isNamed(view, hint))
  const blocked = primaryObstacle(selector, sort)
  const best = named ?? usable[0] ?? (blocked === undefined ? 'primary' : undefined)
  return { ranges, candidates, primaryObstacle: blocked, best, asAsked: hint === undefined || named !== undefined }
}

export function isNamed(view: IndexView, hint: IndexHint): boolean {
  return view.ddoc === hint.ddoc && (hint.name === undefined || view.name === hint.name)
}

/** Leading columns that the selector bounds; after a contradiction CouchDB knows of no range but that one. */
export function coveredColumns({ fields }: IndexDefinition, ranges: FieldRanges): number {
  let covered = 0
  for (const { name } of fields) {
    if (!(ranges.kind === 'ranges' ? ranges.fields.has(name) : ranges.field === name)) break
    covered++
  }
  return covered
}

function uncovered(definition: IndexDefinition, ranges: FieldRanges): number {
  return (ranges.kind === 'ranges' ? ranges.fields.size : 1) - coveredColumns(definition, ranges)
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.uncovered - b.uncovered ||
    a.definition.fields.length - b.definition.fields.length ||
    compareBytes(a.view.ddoc, b.view.ddoc) ||
    compareBytes(a.view.name, b.view.name)
  )
}
