/**
 * Under ICU a prefix bounds its continuations only where no character joins with the next one or swaps places with it.
 * Printable ASCII, Greek and Latin letters, kana and Han characters do not, once the marks on them are left out, which count
 * for nothing before the end of a word. A Cyrillic letter may become another one by a mark behind it (и and й).
 */
const steady =
  /^[ -~\p{Script=Latin}\p{Script=Greek}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}\p{Script=Cyrillic}]$/u
const cyrillic = /\p{Script=Cyrillic}/u
const mark = /\p{M}/u

/** The longest text that sorts before all continuations of a prefix, and is the beginning of how they are compared. */
export function primaryPrefix(prefix: string): string {
  const composed = [...prefix.normalize('NFC')]
  let safe = ''
  for (const [at, character] of composed.entries()) {
    if (mark.test(character)) continue
    if (!steady.test(character)) break
    if (!cyrillic.test(character)) safe += withoutMarks(character)
    else if (at < composed.length - 1 && !mark.test(composed[at + 1] ?? '')) safe += character
    else break
  }
  return safe
}

function withoutMarks(character: string): string {
  return [...character.normalize('NFD')].filter((part) => !mark.test(part)).join('')
}
