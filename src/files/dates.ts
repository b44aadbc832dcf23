/** Dates of RFC 3339, which keep the fraction and the offset that a client sent, compared as instants. */

/** Nanoseconds since 1970; `undefined` for a text that is not a date. */
export function instantOf(date: string): bigint | undefined {
  const fraction = /\.(\d+)/.exec(date)?.[1] ?? ''
  const ms = Date.parse(date.replace(/\.\d+/, ''))
  if (Number.isNaN(ms)) return undefined
  return BigInt(ms) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}

/** Whether the first date is before the second. A text that is not a date is never before anything. */
export function isBefore(date: string, other: string): boolean {
  const [first, second] = [instantOf(date), instantOf(other)]
  return first !== undefined && second !== undefined && first < second
}
