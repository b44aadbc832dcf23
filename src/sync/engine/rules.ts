/** Which files belong where. All rules are applied in order: each that matches adds its entries and takes its bans away. */
import { mediaTypeOf } from './media-type.ts'

export interface Rule {
  readonly match: { readonly path?: string | undefined; readonly mime?: readonly string[] | undefined }
  readonly sync: readonly string[]
  readonly ban?: readonly string[] | undefined
}

export interface RuleSet {
  readonly rules: readonly Rule[]
  /** What becomes of a copy that no rule wants any more: it stays as it is, or goes to the trash of its place. */
  readonly unsync?: 'release' | 'trash' | undefined
}

/** The entries that should hold a file that users put into `origins`. Sorted, since a set has no order. */
export function ownersOf(set: RuleSet, filename: string, origins: readonly string[]): string[] {
  const owners = new Set(origins)
  for (const rule of set.rules) {
    if (!matches(rule, filename)) continue
    for (const entry of rule.sync) owners.add(entry)
    for (const entry of rule.ban ?? []) owners.delete(entry)
  }
  return [...owners].sort()
}

function matches({ match }: Rule, filename: string): boolean {
  if (match.path !== undefined && !isBelow(`/${filename}`, match.path.normalize('NFC'))) return false
  if (match.mime === undefined) return true
  const type = mediaTypeOf(filename)
  return match.mime.some((wanted) => {
    const name = wanted.toLowerCase().split(';')[0]?.trim() ?? ''
    return name.endsWith('/*') ? type.startsWith(name.slice(0, -1)) : type === name
  })
}

/** Prefixes end at slashes: `/foo` is the file and what is below the folder, not `/foobar`. */
function isBelow(path: string, prefix: string): boolean {
  if (prefix.endsWith('/')) return path.startsWith(prefix)
  return path === prefix || path.startsWith(`${prefix}/`)
}
