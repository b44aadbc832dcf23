/** What a file or directory may be called, and which name it gets when its own is taken. */
import { Buffer } from 'node:buffer'
import { illegalName, longName } from './problems.ts'

/** Bytes of UTF-8. Our own limit: what every object store and client can handle. */
export const maxNameBytes = 1024

/** @throws Problem 422 naming what is wrong */
export function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..') throw illegalName()
  if (/[/\0\r\n]/.test(name) || !name.isWellFormed()) throw illegalName()
  if (name.length > maxNameBytes / 3 && Buffer.byteLength(name) > maxNameBytes) throw longName(maxNameBytes)
}

/** The last dot and what follows; empty for names without one, and where the dot is the first character. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? name.slice(dot) : ''
}

/** A name whose variants `stem (2)ext`, `stem (3)ext` ... are to be tried. */
export interface Variants {
  readonly stem: string
  readonly ext: string
  /** The first number to try. */
  readonly from: number
}

/** The variants of a name that is taken; an existing number is counted up. Directories have no extension. */
export function variantsOf(name: string, kind: 'directory' | 'file'): Variants {
  const ext = kind === 'file' ? extensionOf(name) : ''
  const base = name.slice(0, name.length - ext.length)
  const numbered = /^(.+) \((\d{1,9})\)$/s.exec(base)
  return { stem: numbered?.[1] ?? base, ext, from: numbered ? Number(numbered[2]) + 1 : 2 }
}

/** What every variant begins with. */
export function beginningOf({ stem, ext }: Variants): string {
  return `${shortened(stem, `${numberLike}${ext}`)} (`
}

/** The first variant that is not among `taken`. */
export function freeVariant(variants: Variants, taken: ReadonlySet<string>): string {
  const stem = shortened(variants.stem, `${numberLike}${variants.ext}`)
  for (let number = Math.max(2, variants.from); ; number++) {
    const name = `${stem} (${number})${variants.ext}`
    if (!taken.has(name)) return name
  }
}

/** `<base> (copy)<ext>` in the language of the instance. */
export function copyName(name: string, locale: string): string {
  const ext = extensionOf(name)
  const mark = ` (${copyWords[locale.slice(0, 2).toLowerCase()] ?? copyWords.en})`
  return shortened(name.slice(0, name.length - ext.length), mark + ext) + mark + ext
}

/** The name in the trash, or out of it, when its own is taken: nine digits after the whole name. */
export function trashName(name: string, digits: string): string {
  return `${shortened(name, ` (${digits})`)} (${digits})`
}

/**
 * Removes the nine digits again. Other numbers in parentheses belong to the user's name: `Holidays (2024)` comes back from
 * the trash under its name.
 */
export function withoutTrashDigits(name: string): string {
  return /^(.+) \(\d{9}\)$/s.exec(name)?.[1] ?? name
}

const numberLike = ' (999999999)'

const copyWords = {
  en: 'copy',
  fr: 'copie',
  es: 'copia',
  de: 'Kopie',
  it: 'copia',
  nl: 'kopie',
  pt: 'cópia',
} as Readonly<Record<string, string>> & { readonly en: string }

/** The longest beginning of `text` that leaves room for `suffix`, cut between code points. */
function shortened(text: string, suffix: string): string {
  const room = maxNameBytes - Buffer.byteLength(suffix)
  if (Buffer.byteLength(text) <= room) return text
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > room) break
    kept += character
  }
  return kept
}
