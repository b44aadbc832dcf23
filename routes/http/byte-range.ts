/** The `Range` header (RFC 9110 14): which bytes of a representation a client asks for. Pure. */

/** `start` and `end` are both included. */
export type RangeAsked =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  /** It lies outside the representation: 416. */
  | { readonly kind: 'unsatisfiable' }

const whole: RangeAsked = { kind: 'whole' }

/**
 * What to send of `size` bytes. One range is served. Several ranges, other units and malformed headers get the whole
 * representation, as 14.2 allows: downloads never ask for several, and answering them in many small parts is
 * a known way to wear a server out.
 */
export function rangeOf(header: string | undefined, size: number): RangeAsked {
  const [, set] = /^\s*bytes\s*=(.*)$/i.exec(header ?? '') ?? []
  if (set === undefined) return whole
  const specs = set
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '')
  const [, first, last] = /^(\d*)-(\d*)$/.exec(specs.length === 1 ? (specs[0] ?? '') : '') ?? []
  if (first === undefined || last === undefined || first + last === '') return whole
  return first === '' ? suffix(Number(last), size) : between(Number(first), last, size)
}

/** `bytes=-N`: the last N bytes, all of them when there are fewer. An empty file has no last bytes but is not refused. */
function suffix(length: number, size: number): RangeAsked {
  if (length === 0) return { kind: 'unsatisfiable' }
  return size === 0 ? whole : { kind: 'part', start: Math.max(0, size - length), end: size - 1 }
}

function between(start: number, last: string, size: number): RangeAsked {
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last)
  // Backwards is malformed, and so ignored (14.1.1).
  if (end < start) return whole
  return start >= size ? { kind: 'unsatisfiable' } : { kind: 'part', start, end: Math.min(end, size - 1) }
}
