/** Which former contents of a file are kept when its content is replaced. */
import type { Versioning } from './service.ts'

/** The part of a version that the rules depend on. */
export interface VersionAge {
  readonly id: string
  /** When the content became a version; milliseconds since 1970. */
  readonly createdMs: number
  /** Tagged versions stay for ever. */
  readonly tagged: boolean
}

export interface Replacement {
  /** The content that is replaced. */
  readonly candidate: VersionAge
  readonly versions: readonly VersionAge[]
  /** The new content is the same. */
  readonly sameContent: boolean
  /** The client asked for the version: neither the delay nor the checksum counts. */
  readonly always: boolean
}

/**
 * Whether the content that is replaced is kept, and the ids of the versions that are dropped for it: the oldest by their
 * creation. The date of content is set by the client and does not tell the order in which contents arrived, and the one
 * that has just been replaced is never dropped.
 */
export function keptVersions(
  { candidate, versions, sameContent, always }: Replacement,
  { max, minDelayMs }: Versioning,
): { readonly keep: boolean; readonly drop: readonly string[] } {
  if (max === 0) return { keep: false, drop: [] }
  const newest = Math.max(...versions.map(({ createdMs }) => createdMs))
  const tooSoon = candidate.createdMs - newest < minDelayMs && !candidate.tagged
  const keep = max > 1 && (always || (!sameContent && !tooSoon))
  const surplus = versions.length + (keep ? 2 : 1) - max
  const drop = versions
    .filter(({ tagged }) => !tagged)
    .sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1))
    .slice(0, Math.max(0, surplus))
    .map(({ id }) => id)
  return { keep, drop }
}
