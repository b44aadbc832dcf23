import type { AllDocsQuery } from '../../src/documents/service.ts'

type Selection = Pick<AllDocsQuery, 'start' | 'end' | 'descending' | 'skip' | 'limit'>

/** The part of a list of names (in byte order) that the parameters of `_all_dbs` ask for; `start` is where it begins. */
export function selectNames(names: readonly string[], selection: Selection): readonly string[] {
  const { start, end, descending, skip, limit } = selection
  const [low, high] = descending ? [end, start] : [start, end]
  const inside = names.filter((name) => {
    const aboveLow = low === undefined || name > low.id || (low.inclusive && name === low.id)
    return aboveLow && (high === undefined || name < high.id || (high.inclusive && name === high.id))
  })
  if (descending) inside.reverse()
  return inside.slice(skip, limit === undefined ? undefined : skip + limit)
}
