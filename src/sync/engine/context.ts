/** What the parts of the engine share. */
import type { FileState, SyncStore, SyncTransaction } from '../../../storage/sync/contract.ts'
import type { Log } from '../../log.ts'
import type { Driver } from '../drivers/contract.ts'
import type { Bandwidth } from './bandwidth.ts'
import { ownersOf, type RuleSet } from './rules.ts'
import type { Timing } from './timing.ts'

/** `ro`: nothing is changed there; `wo`: nothing is taken from there. */
export type EntryMode = 'ro' | 'wo' | undefined

export interface EngineContext {
  readonly store: SyncStore
  readonly epoch: number
  readonly log: Log
  readonly timing: Timing
  /** The rules in force. */
  rules(): RuleSet
  /** Names of entries that exist. */
  entryNames(): ReadonlySet<string>
  /** Which of them should hold a file that users put into `origins`, by the rules in force or others. */
  owners(filename: string, origins: readonly string[], rules?: RuleSet): readonly string[]
  modeOf(entry: string): EntryMode
  /** An entry that runs, for reading from it. */
  running(entry: string): RunningEntry | undefined
  /** Files have changed: there is work, and some that runs is obsolete. */
  changed(states: Iterable<FileState>): void
  /** These entries have work. */
  wake(entries: Iterable<string>): void
  change<T>(work: (tx: SyncTransaction) => Promise<T>): Promise<T>
  now(): number
}

export interface RunningEntry {
  readonly name: string
  readonly driver: Driver
  readonly velocity: number
  /** Check this name again. */
  hint(native: string): void
  /** Its content is not what was recorded: verify it. */
  suspect(native: string): void
  /** The place did not answer. */
  failed(error: unknown): void
  /** Ends everything that is running for the entry. */
  readonly signal: AbortSignal
  readonly bandwidth: Bandwidth | undefined
}

/** What an entry has done since the start. */
export interface Totals {
  copiedFiles: number
  copiedBytes: number
  scanSeconds: number | null
}

/** One entry as its own parts see it. */
export interface OwnEntry extends RunningEntry {
  /** Names that are being written or renamed: a check waits until that is done. */
  readonly busy: Set<string>
  readonly mode: EntryMode
  readonly totals: Totals
  /** Why it is on hold; empty when it is not. */
  held(): string
  /** Nothing more is read from it or done to it until someone says so, or the cause is gone. */
  hold(why: string, detail: string): Promise<void>
  /** The place answered. */
  answered(): void
  /** False when the place is another one than the one that was known; then the entry is held. */
  isItself(): Promise<boolean>
}

/** Owners by the rules, as far as the entries exist; to one that is only read nothing is brought. */
export function ownersAmong(
  { entryNames, modeOf }: Pick<EngineContext, 'entryNames' | 'modeOf'>,
  rules: RuleSet,
  filename: string,
  origins: readonly string[],
): string[] {
  const names = entryNames()
  return ownersOf(rules, filename, origins).filter(
    (name) => names.has(name) && (modeOf(name) !== 'ro' || origins.includes(name)),
  )
}

/** Entries that have work to do on these files. */
export function busyEntries(states: Iterable<FileState>): Set<string> {
  const entries = new Set<string>()
  for (const { file, replicas } of states) {
    for (const { entry, owner, base, unwanted, fingerprint } of replicas) {
      if (owner ? base !== file.head : unwanted && fingerprint !== null) entries.add(entry)
    }
  }
  return entries
}
