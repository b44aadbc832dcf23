/** Ids in the order of the collation "C", which is that of their bytes and of sequences given at the same time. */
import { compareBytes } from '../../src/model/compare-bytes.ts'

/** UTF-16 has another order only above the surrogates. */
const differs = /[\ud800-\uffff]/

/** The items in the byte order of their ids. */
export function inByteOrder<T>(items: readonly T[], idOf: (item: T) => string): readonly T[] {
  if (!items.some((item) => differs.test(idOf(item)))) {
    return [...items].sort((a, b) => {
      const [one, other] = [idOf(a), idOf(b)]
      return one < other ? -1 : one > other ? 1 : 0
    })
  }
  return [...items].sort((a, b) => compareBytes(idOf(a), idOf(b)))
}
