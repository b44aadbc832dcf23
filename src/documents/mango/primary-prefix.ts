/**
 * Under ICU a prefix bounds its continuations only where no character joins with the next one or swaps places with it. The
 * scripts of `plain` do not, once the marks on their letters are left out, which count for nothing before the end of a
 * word. Letters of other scripts may become another one by a mark behind them (и and й); vowels of Thai and its relatives
 * that are written before a consonant are sorted behind it, and vowels of Kirat Rai join with one another.
 */
const plain =
  /^[ -~\p{Script=Latin}\p{Script=Greek}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}\p{Script=Hangul}\p{Script=Hebrew}\p{Script=Armenian}\p{Script=Georgian}\p{Script=Bopomofo}\p{Script=Ethiopic}\p{Script=Cherokee}\p{Script=Canadian_Aboriginal}\p{Script=Yi}\p{Sc}\p{Sm}\p{So}\p{Nd}]$/u
const letter = /\p{L}/u
const joining = /[\p{Logical_Order_Exception}\u{16d63}-\u{16d6a}]/u
const mark = /\p{M}/u
/** Marks that any letter may carry; medieval ones that count as a letter of their own are not among them. */
const accent = /\p{Script=Inherited}/u
const base = new Intl.Collator('en', { sensitivity: 'base' })

/** The longest text that sorts before all continuations of a prefix, and is the beginning of how they are compared. */
export function primaryPrefix(prefix: string): string {
  const composed = [...prefix.normalize('NFC')]
  let safe = ''
  for (const [at, character] of composed.entries()) {
    if (mark.test(character)) {
      if (!accent.test(character) || base.compare(`a${character}`, 'a') !== 0) break
      continue
    }
    if (plain.test(character)) safe += withoutMarks(character)
    else if (!letter.test(character) || joining.test(character)) break
    else if (at < composed.length - 1 && !mark.test(composed[at + 1] ?? '')) safe += character
    else break
  }
  return safe
}

function withoutMarks(character: string): string {
  const parts = [...character.normalize('NFD')].filter((part) => !mark.test(part))
  return parts.join('').normalize('NFC')
}
