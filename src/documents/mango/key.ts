import type { KeyPart } from '../../../storage/documents/contract.ts'
import type { Json } from '../../model/json/value.ts'
import { type Rank, rankOf } from './collation.ts'
import { numberKey, numberOfKey } from './number-key.ts'

/** The key of the smallest value of a type: `04` comes before every string. */
export function rankKey(rank: Rank | 7): KeyPart {
  return rankKeys[rank]
}

const rankKeys = ([0, 1, 2, 3, 4, 5, 6, 7] as const).map((rank) => ({ k: `0${rank}`, s: '' })) as unknown as Readonly<
  Record<Rank | 7, KeyPart>
>

/**
 * One column of an index entry: `k` is the type's rank in hex, followed by the number's key; `s` is the
 * string. Arrays and objects leave the rank alone. U+0000, which text columns refuse and ICU ignores, is taken out.
 */
export function keyPart(value: Json): KeyPart {
  if (typeof value === 'string') return { k: '04', s: value.includes('\0') ? value.replaceAll('\0', '') : value }
  if (typeof value === 'number' || typeof value === 'bigint') return { k: `03${numberKey(value)}`, s: '' }
  return rankKey(rankOf(value))
}

/** The value of a key that stands for one: no array, no object. */
export function keyValue({ k, s }: KeyPart): Json {
  const rank = Number(k.slice(0, 2))
  if (rank === 4) return s
  return rank === 3 ? numberOfKey(k.slice(2)) : rank === 0 ? null : rank === 2
}

/**
 * The first column whose keys stand for many values, so that rows with equal columns before it come in no order: one
 * with an array or an object, or else what an index has beyond its key columns. `undefined`: the keys are the order.
 */
export function groupColumn(parts: readonly KeyPart[], fields: number): number | undefined {
  for (let i = 0; i < parts.length; i++) {
    const k = (parts[i] as KeyPart).k
    if (k === '05' || k === '06') return i
  }
  return fields > parts.length ? parts.length : undefined
}
