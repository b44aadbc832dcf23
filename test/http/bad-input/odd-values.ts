/** Values of a size or shape that nobody sends by accident. */

/** Names of Chinese characters, all different. */
export const names = (count: number, length = 1) =>
  Array.from({ length: count }, (_, n) => String.fromCodePoint(...scattered(n, length)))
/** Code points that no compression shortens, so that what is long stays long in the database. */
const scattered = (seed: number, length: number) =>
  Array.from({ length }, (_, at) => 0x4e00 + ((seed * 7919 + at * 104_729 + at * at * 31) % 20_000))
/** 0, 1, 2, ... */
export const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
export const repeated = (open: string, inner: string, close: string, levels: number) =>
  open.repeat(levels) + inner + close.repeat(levels)
