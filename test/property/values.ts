/** Random JSON values that collide often, with strings that every ICU since 2017 sorts alike. */
import fc from 'fast-check'
import type { Json } from '../../src/model/json/value.ts'

/** First and last characters of blocks without a gap in Unicode 10. Rare Han is left out. */
const assigned: readonly (readonly [number, number])[] = [
  [0x20, 0x7e],
  [0xa0, 0x24f],
  [0x250, 0x2af],
  [0x300, 0x36f],
  [0x391, 0x3a1],
  [0x3b1, 0x3c9],
  [0x400, 0x481],
  [0x48a, 0x52f],
  [0x5d0, 0x5ea],
  [0x620, 0x64a],
  [0x905, 0x939],
  [0xe01, 0xe3a],
  [0x1e00, 0x1eff],
  [0x2010, 0x2027],
  [0x2030, 0x205e],
  // Two currency signs between these have moved since.
  [0x20a0, 0x20a6],
  [0x20a9, 0x20bf],
  [0x2100, 0x214f],
  [0x2190, 0x22ff],
  [0x3041, 0x3096],
  [0x30a1, 0x30fa],
  [0x4e00, 0x4e40],
  [0xac00, 0xac60],
  [0xff01, 0xff5e],
  [0x10400, 0x1044f],
  [0x1f600, 0x1f64f],
]

const character = fc.oneof(
  ...assigned.map(([low, high]) => fc.integer({ min: low, max: high }).map((code) => String.fromCodePoint(code))),
)

/** Letters whose order depends on case, accents, ignorable characters and what stands behind them. */
const tricky = fc.constantFrom(
  ...['a', 'A', 'b', 'B', 'z', 'é', 'e\u0301', 'E', 'e', 'ä', 'ß', 'ss', '0', '1', '9', '10', ' ', '-', '_', '.'],
  ...['\u0000', '\u00ad', '\u200b', '\u0301', '\uffff', '\t', '"', '\\', '日', '😀', 'ﬁ', 'क्ष', 'เก'],
)

export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.array(tricky, { maxLength: 3 }).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: fc.array(fc.oneof(tricky, character), { maxLength: 5 }).map((parts) => parts.join('')) },
)

const number: fc.Arbitrary<number | bigint> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(-2, -1, 0, 1, 2, 3, 10, 1.5, -1.5, 0.1) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      1e21,
      -1e21,
      2.2250738585072014e-308,
      1.7976931348623157e308,
      2 ** 53,
      9007199254740993n,
      10n ** 30n,
    ),
  },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(kept) },
)

export const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom(null, false, true),
  { weight: 3, arbitrary: number },
  { weight: 4, arbitrary: text },
)

/** Any value, two levels deep. */
export const value: fc.Arbitrary<Json> = fc.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('x', 'y', 'é'), scalar, { maxKeys: 2 }).map(plain) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom({ x: 1 }, { x: 2, y: 'a' }, [1], []), { maxLength: 2 }) },
)

/** Neither `-0` nor a subnormal number comes back as it was. */
function kept(double: number): number {
  return Math.abs(double) < 2 ** -1022 ? 0 : double
}

/** An object as the parser makes it: fast-check's have no prototype. */
function plain(object: Readonly<Record<string, Json>>): Json {
  return { ...object }
}
