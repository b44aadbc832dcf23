/** Revision strings `N-H`. */

import { Buffer } from 'node:buffer'
import { compareBytes } from './compare-bytes.ts'
import { Problem } from './errors.ts'

/**
 * One node of a revision tree: `gen` counts from 1, and `hash` is 32 hex digits if it was made here; replication may
 * bring generation 0 and any text, even an empty one.
 */
export interface RevisionId {
  readonly gen: number
  readonly hash: string
}

/** Bytes of UTF-8; with the longest id a revision still fits into one index entry. */
export const maxHashBytes = 1024

/**
 * As CouchDB reads them: leading zeros are ignored, the hash may be empty. Throws `bad_request` "Invalid rev format",
 * also for generations above 2^53-1. Takes anything, since `_rev` in a document may be of any type.
 */
export function parseRevision(text: unknown): RevisionId {
  const match = typeof text === 'string' ? /^(\d+)-(.*)$/s.exec(text) : null
  const gen = Number(match?.[1])
  const hash = match?.[2]
  if (hash === undefined || !Number.isSafeInteger(gen)) throw invalidRevision()
  return { gen, hash: parseHash(hash) }
}

/** Throws `bad_request` when no generation can follow that of `rev`. */
export function checkSuccessor(rev: RevisionId | undefined): void {
  if (rev !== undefined && !Number.isSafeInteger(rev.gen + 1)) {
    throw new Problem('bad_request', `There is no generation after ${rev.gen}`)
  }
}

/** 32 hex digits are lowercased, as CouchDB keeps them as 16 bytes; anything else stays as it is. */
export function parseHash(text: string): string {
  if (/^[0-9a-fA-F]{32}$/.test(text)) return text.toLowerCase()
  if (text.includes('\u0000') || Buffer.byteLength(text) > maxHashBytes) throw invalidRevision()
  return text
}

export function formatRevision({ gen, hash }: RevisionId): string {
  return `${gen}-${hash}`
}

export function sameRevision(a: RevisionId, b: RevisionId): boolean {
  return a.gen === b.gen && a.hash === b.hash
}

/** Below 0 when `a` is older: by generation, then by the bytes of the hash. */
export function compareRevisions(a: RevisionId, b: RevisionId): number {
  if (a.gen !== b.gen) return a.gen - b.gen
  return compareBytes(a.hash, b.hash)
}

function invalidRevision(): Problem {
  return new Problem('bad_request', 'Invalid rev format')
}
