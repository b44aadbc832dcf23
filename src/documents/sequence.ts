/** Sequences as clients see them: a number that never falls, and the epoch of the database behind it (documents 4.8). */
import { Buffer } from 'node:buffer'

/** `N-opaque`: always the same text for the same place, because replication compares them as text. */
export function sequence(place: { readonly updateSeq: bigint; readonly epoch: string }): string {
  return `${place.updateSeq}-${Buffer.from(place.epoch).toString('base64url')}`
}
