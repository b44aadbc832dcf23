/** Sequences as clients see them: a number that never falls, and the epoch of the database behind it. */
import { Buffer } from 'node:buffer'
import { Problem } from '../model/errors.ts'

/** `N-opaque`: always the same text for the same place, because replication compares them as text. */
export function formatSequence(place: { readonly updateSeq: bigint; readonly epoch: string }): string {
  return `${place.updateSeq}-${opaqueOf(place.epoch)}`
}

/**
 * The sequence after which a client wants to read. An empty text and `0` are the start, `now` is the end, and a bare
 * number is taken as it is. A sequence of another database of that name, or one that this database has not reached (it
 * came back from a backup), gives the start: reading twice is harmless, missing a change is not. Quotes around it are
 * what an event source sends back. Throws `bad_request` for anything else.
 */
export function parseSequence(text: string, info: { readonly updateSeq: bigint; readonly epoch: string }): bigint {
  if (text === '') return 0n
  if (text === 'now') return info.updateSeq
  const [, digits, opaque] = /^"?(\d{1,40})(?:-([\w-]+))?"?$/.exec(text) ?? []
  if (digits === undefined) throw new Problem('bad_request', "Malformed sequence supplied in 'since' parameter.")
  const number = BigInt(digits)
  if (opaque === undefined) return number < info.updateSeq ? number : info.updateSeq
  return opaque === opaqueOf(info.epoch) && number <= info.updateSeq ? number : 0n
}

function opaqueOf(epoch: string): string {
  return Buffer.from(epoch).toString('base64url')
}
