/** Comparison of recorded and live answers: numbers by exact value, everything else by type and content. */
import { byCodePoint, type Recorded } from './recorded-json.ts'

export interface Difference {
  /** Path into the answer, such as `.rows[3].value`. */
  readonly where: string
  readonly want: Recorded
  readonly got: Recorded
}

/** True when two answers agree. */
export function same(a: Recorded, b: Recorded): boolean {
  if (isNumber(a) && isNumber(b)) return equalNumbers(a, b)
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]!))
  if (!(a instanceof Map)) return a === b
  if (!(b instanceof Map) || a.size !== b.size) return false
  for (const [name, item] of a) {
    const other = b.get(name)
    if (other === undefined || !same(item, other)) return false
  }
  return true
}

/** The first place where two answers differ, `undefined` when they agree. */
export function firstDifference(want: Recorded, got: Recorded, where = ''): Difference | undefined {
  if (want instanceof Map && got instanceof Map) {
    for (const name of [...new Set([...want.keys(), ...got.keys()])].sort(byCodePoint)) {
      const path = `${where}.${name}`
      const left = want.get(name)
      const right = got.get(name)
      if (left === undefined || right === undefined) {
        return { where: path, want: left ?? '(absent)', got: right ?? '(absent)' }
      }
      const found = firstDifference(left, right, path)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (Array.isArray(want) && Array.isArray(got)) {
    for (let i = 0; i < Math.min(want.length, got.length); i++) {
      const found = firstDifference(want[i]!, got[i]!, `${where}[${i}]`)
      if (found !== undefined) return found
    }
    return want.length === got.length
      ? undefined
      : { where: `${where}.length`, want: BigInt(want.length), got: BigInt(got.length) }
  }
  return same(want, got) ? undefined : { where: where || '.', want, got }
}

function isNumber(value: Recorded): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

function equalNumbers(a: number | bigint, b: number | bigint): boolean {
  // `==` between bigint and number is exact; the two `<=` say the same without loose equality.
  return a <= b && a >= b
}
