/** Which contents stay as versions when another one comes (files 3.3). */
import type { Versioning } from './service.ts'

/** What is looked at of a version. */
export interface Aged {
  readonly id: string
  /** When it became a version; milliseconds since 1970. */
  readonly madeMs: number
  /** The order in which versions go: the content's own date. */
  readonly updatedAt: string
  /** Tagged versions stay for ever. */
  readonly tagged: boolean
}

export interface Replacement {
  /** The content that is replaced. */
  readonly candidate: Aged
  readonly versions: readonly Aged[]
  /** The new content is the same. */
  readonly sameContent: boolean
  /** Asked for: neither the delay nor the sum counts. */
  readonly always: boolean
}

/** What becomes of the content that is replaced, and the ids of the versions that go. */
export function keptVersions(
  { candidate, versions, sameContent, always }: Replacement,
  { max, minDelayMs }: Versioning,
): { readonly keep: boolean; readonly drop: readonly string[] } {
  if (max === 0) return { keep: false, drop: [] }
  const newest = Math.max(...versions.map(({ madeMs }) => madeMs))
  const tooSoon = candidate.madeMs - newest < minDelayMs && !candidate.tagged
  const wanted = always || (!sameContent && !tooSoon)
  const all = wanted ? [...versions, candidate] : versions
  const surplus = all.length + 1 - max
  const drop = all
    .filter(({ tagged }) => !tagged)
    .sort((a, b) => (a.updatedAt === b.updatedAt ? a.madeMs - b.madeMs : a.updatedAt < b.updatedAt ? -1 : 1))
    .slice(0, Math.max(0, surplus))
    .map(({ id }) => id)
  const keep = wanted && !drop.includes(candidate.id)
  return { keep, drop: drop.filter((id) => id !== candidate.id) }
}
