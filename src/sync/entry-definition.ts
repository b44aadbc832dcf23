/** Checks what an entry is to be, before anything is opened. */
import { realpath } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import type { StoredEntry } from '../../storage/sync/contract.ts'
import type { EntryGiven } from './commands.ts'
import type { DriverKind } from './drivers/contract.ts'
import { unacceptable } from './problems.ts'

export interface EntryRules {
  readonly kinds: ReadonlyMap<string, DriverKind>
  /** Folders below which entries of the API may lie. */
  readonly roots: readonly string[]
  /** Folders of Hearth itself. */
  readonly ownFolders: readonly string[]
}

const maxName = 64
/** What an unchanged secret is shown as, and may be sent back as. */
export const hiddenSecret = '********'

/** @throws Problem 422 for a name that no entry may have */
export function checkEntryName(name: string): void {
  const fault = /[/:\p{Cc}]/u.test(name) || !name.isWellFormed()
  if (name === '' || fault || [...name].length > maxName || name === '.' || name === '..') {
    throw unacceptable(
      `'${name}' is not a name of an entry: 1 to ${maxName} characters without /, : and control characters`,
    )
  }
}

/** The kind of driver of an entry and its checked options. @throws Problem 422 that names the offending option */
export function checkOptions(
  { kinds }: Pick<EntryRules, 'kinds'>,
  { driver, options }: Pick<EntryGiven, 'driver' | 'options'>,
): { readonly kind: DriverKind; readonly options: Record<string, unknown> } {
  const kind = kinds.get(driver)
  if (kind === undefined) throw unacceptable(`unknown driver '${driver}'; allowed: ${[...kinds.keys()].join(', ')}`)
  const read = kind.options.safeParse(options)
  if (read.success) return { kind, options: read.data }
  const issue = read.error.issues[0]
  const path = issue?.path.join('.') ?? ''
  throw unacceptable(`option ${path === '' ? '' : `${path}: `}${issue?.message ?? 'not allowed'}`)
}

/** Folders must be apart from each other and from Hearth's own, whatever links lead to them. @throws Problem 422 */
export async function checkRoot(
  rules: Pick<EntryRules, 'roots' | 'ownFolders'>,
  root: string,
  others: readonly { readonly name: string; readonly root: string }[],
  isTrusted: boolean,
): Promise<void> {
  const real = await realOf(root)
  if (!isTrusted) {
    const roots = await Promise.all(rules.roots.map(realOf))
    if (!roots.some((allowed) => isInside(real, allowed) && real !== allowed)) {
      throw unacceptable('option root: it lies below no folder of the setting sync.roots')
    }
  }
  for (const own of rules.ownFolders) {
    if (overlap(real, await realOf(own))) throw unacceptable("option root: it overlaps a folder of Hearth's own")
  }
  for (const other of others) {
    if (overlap(real, await realOf(other.root))) {
      throw unacceptable(`option root: it overlaps the folder of entry ${other.name}`)
    }
  }
}

/** The folder of an entry, where it has one. */
export function rootOf({ driver, options }: Pick<StoredEntry, 'driver' | 'options'>): string | undefined {
  if (driver !== 'local_storage') return undefined
  const { root } = JSON.parse(options) as { root?: unknown }
  return typeof root === 'string' ? root : undefined
}

async function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path))
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function overlap(a: string, b: string): boolean {
  return isInside(a, b) || isInside(b, a)
}
