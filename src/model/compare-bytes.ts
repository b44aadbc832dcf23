import { Buffer } from 'node:buffer'

/** Below 0 when `a` comes first in the order of the bytes of UTF-8, which is not that of JavaScript's strings. */
export function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
