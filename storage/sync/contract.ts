/**
 * What the sync engine asks of the place that keeps its knowledge: which files there are, which content each entry holds
 * and should hold, and a journal of everything that was done. Reads may come from any process. Changes come from the one
 * that leads, one transaction at a time, and carry its epoch: a process that was frozen and replaced changes nothing more.
 */

/** An entry as kept. `options` is JSON text in which secrets are sealed. */
export interface StoredEntry {
  readonly name: string
  readonly driver: string
  readonly options: string
  readonly desired: 'active' | 'stopped'
  /** What the marker in the place says; empty before it was opened for the first time. */
  readonly token: string
  /** The machine that a folder belongs to; empty for places that every machine reaches. */
  readonly machine: string
  /** Why nothing is taken from it or done to it; empty: it is not held. */
  readonly held: string
  /** From the operator's configuration, who may name any address and any folder. */
  readonly trusted: boolean
  /** The last name that the slow check of all contents has come to. */
  readonly scrubbed: string
}

/** One logical file: the same path in all entries. */
export interface FileRow {
  readonly fid: string
  readonly filename: string
  readonly foldKey: string
  /** Number of the newest accepted version. */
  head: number
  live: boolean
  size: number
  /** Of the head's content; `null` for a deletion. */
  hash: string | null
  mtimeMs: number
  executable: boolean
  /** The file whose name was taken. */
  conflictOf: string | null
  /** Where the content went when the deletion was a rename. */
  movedTo: string | null
}

/** What one entry has of one file. */
export interface ReplicaRow {
  readonly fid: string
  readonly entry: string
  /** As the place spells the name. */
  native: string
  /** It should hold the file. */
  owner: boolean
  /** A user put the file here. */
  origin: boolean
  /** The version that it held when last seen; `null`: none that is known. */
  base: number | null
  /** Of the content that lies there; `null` when there is none. */
  hash: string | null
  /** `null`: there is no file. */
  fingerprint: string | null
  key: string | null
  /** Why it cannot be brought up to date. */
  blocked: string | null
  attempts: number
  /** Not before; milliseconds since 1970. */
  retryAtMs: number | null
  /** It should not hold the file any more, and what it has goes to its trash. */
  unwanted: boolean
}

export interface FileState {
  readonly file: FileRow
  readonly replicas: ReplicaRow[]
}

export interface VersionRow {
  readonly id: number
  readonly fid: string
  readonly parent: number | null
  /** `null`: a deletion. */
  readonly hash: string | null
  readonly size: number
  readonly chunks: string
  readonly mtimeMs: number
  readonly executable: boolean
  readonly entry: string
}

export interface JournalRow {
  readonly entry: string
  readonly fid: string | null
  readonly filename: string
  readonly op: string
  readonly before?: number | null
  readonly after?: number | null
  readonly detail?: string
}

export interface JournalEvent extends Required<Omit<JournalRow, 'before' | 'after' | 'detail'>> {
  readonly seq: number
  readonly atMs: number
  readonly before: number | null
  readonly after: number | null
  readonly detail: string
}

export interface TrashRow {
  readonly key: string
  readonly entry: string
  readonly name: string
  readonly fid: string
  readonly version: number | null
  readonly size: number
  readonly reason: string
}

export interface TrashedContent extends TrashRow {
  readonly atMs: number
}

/** Something visible that is about to be done in a place. */
export interface IntentRow {
  readonly op: string
  readonly entry: string
  readonly fid: string
  readonly version: number
  readonly kind: 'put' | 'delete' | 'move'
  readonly native: string
  /** Fingerprint of what is there now; `null`: nothing. */
  readonly before: string | null
  readonly size: number
}

export interface IssueRow {
  readonly entry: string
  readonly native: string
  readonly reason: string
}

/** What a transaction writes. All or nothing. */
export interface Changes {
  readonly files?: readonly FileState[]
  readonly versions?: readonly VersionRow[]
  readonly journal?: readonly JournalRow[]
  readonly trash?: readonly TrashRow[]
  /** Content that left the trash. */
  readonly untrash?: readonly string[]
  readonly intents?: readonly IntentRow[]
  readonly intentsDone?: readonly string[]
  readonly issues?: readonly IssueRow[]
  /** Names that have none any more. */
  readonly issuesGone?: readonly { readonly entry: string; readonly native: string }[]
}

export interface SyncTransaction {
  /** Files that are known, with all replicas, in no particular order. */
  files(fids: readonly string[]): Promise<FileState[]>
  /** Versions of these files with one of these contents. */
  versionsOf(fids: readonly string[], hashes: readonly string[]): Promise<VersionRow[]>
  /** Which of these names have live files below them. */
  foldersAmong(filenames: readonly string[]): Promise<ReadonlySet<string>>
  /** Numbers for new versions, ascending. */
  newVersions(count: number): Promise<number[]>
  save(changes: Changes): Promise<void>
  putEntry(entry: StoredEntry): Promise<void>
  /** With everything that is known of what it holds; the files themselves stay known. */
  removeEntry(name: string): Promise<void>
  /** Work that waits for this reason may be tried again. Gives the entries that have some. */
  retry(blocked: string): Promise<string[]>
  putRules(rules: Partial<Omit<StoredRules, 'planned'>>): Promise<void>
  /** Whether all files are under the rules in force. */
  setPlanned(planned: boolean): Promise<void>
  /** Live files and those with work left, by id, after `after`; for planning again. */
  filesAfter(after: string, limit: number): Promise<FileState[]>
}

/** Documents as JSON text. */
export interface StoredRules {
  readonly rev: number
  readonly pending: string
  readonly applied: string
  /** False: not all files are under the applied ones yet. */
  readonly planned: boolean
}

/** A file as the API shows it. */
export interface FileView {
  readonly fid: string
  readonly filename: string
  readonly size: number
  readonly owners: readonly string[]
  readonly uptodate: readonly string[]
}

export interface FileDetail {
  readonly state: FileState
  readonly version: VersionRow
}

/** A replica that is not what it should be, with what it should become. */
export interface Work {
  readonly file: FileRow
  readonly replica: ReplicaRow
}

export interface KnownName {
  readonly native: string
  readonly fingerprint: string
}

export interface Source {
  readonly entry: string
  readonly native: string
  readonly fingerprint: string
  readonly hash: string
}

/** The lock that the leading process holds. */
export interface Lead {
  readonly epoch: number
  /** Aborted when the lead is lost, or given up. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

export interface SentCommand {
  readonly id: string
  readonly command: string
}

export interface SyncStore {
  // Leadership.
  /** Takes the lead if nobody has it, or if who has it has shown no life for a while. `who` is for people. */
  tryLead(who: string): Promise<Lead | undefined>
  /** Whether somebody leads and lives. */
  hasLeader(): Promise<boolean>
  /** True at the first call ever, false afterwards: whoever gets true fills in what the configuration says. */
  isUnseeded(): Promise<boolean>
  setSeeded(epoch: number): Promise<void>

  // Commands to the leader, as texts.
  /** Resolves to the leader's answer; `undefined` when there was none within `timeoutMs`. */
  send(command: string, timeoutMs: number): Promise<string | undefined>
  /** Commands that wait, each given out once. */
  takeCommands(): Promise<SentCommand[]>
  /** Calls `listener` soon after any process sent a command, until the function returned is called. A call may be lost. */
  watchCommands(listener: () => void): () => void
  answer(id: string, answer: string): Promise<void>

  // Reads.
  listFiles(page: { readonly offset: number; readonly limit: number }): Promise<{ files: FileView[]; total: number }>
  file(fid: string): Promise<FileView | undefined>
  detail(fid: string): Promise<FileDetail | undefined>
  entries(): Promise<StoredEntry[]>
  entry(name: string): Promise<StoredEntry | undefined>
  rules(): Promise<StoredRules>
  journal(after: number, limit: number): Promise<JournalEvent[]>
  lastSeq(): Promise<number>
  trash(page: {
    readonly entry?: string | undefined
    readonly after: string
    readonly limit: number
  }): Promise<TrashedContent[]>
  trashed(key: string): Promise<TrashedContent | undefined>
  /** Trash of an entry that has lain there for so many milliseconds in which somebody led, whatever the clocks say. */
  trashDue(entry: string, keptMs: number, limit: number): Promise<TrashedContent[]>
  conflicts(page: {
    readonly after: string
    readonly limit: number
  }): Promise<(FileView & { readonly conflictOf: string })[]>
  issues(entry?: string): Promise<(IssueRow & { readonly atMs: number })[]>
  /** Work that is left, blocked or waiting included. */
  work(page: { readonly entry?: string | undefined; readonly after: string; readonly limit: number }): Promise<Work[]>
  /** Files held, and to be done, by entry. */
  counts(): Promise<
    { readonly entry: string; readonly held: number; readonly waiting: number; readonly blocked: number }[]
  >

  // Reads of the engine.
  /** Work that is due, deletions first, then small files, without these. */
  dueWork(
    entry: string,
    options: { readonly limit: number; readonly without: readonly string[]; readonly lane: 'small' | 'large' },
  ): Promise<Work[]>
  /** When the next waiting work of an entry is due. */
  nextDueMs(entry: string): Promise<number | undefined>
  versions(ids: readonly number[]): Promise<VersionRow[]>
  /** Where contents lie, by hash. */
  sources(hashes: readonly string[]): Promise<Source[]>
  /** What an entry holds, ascending by the bytes of the names, after `after`. */
  known(entry: string, after: string, limit: number): Promise<KnownName[]>
  knownBelow(entry: string, folder: string): Promise<KnownName[]>
  /** What is known of these names, with the state of their files. */
  replicas(entry: string, natives: readonly string[]): Promise<Work[]>
  /** Whether an entry other than this one, which should hold the file, has the newest content. */
  isElsewhere(fid: string, entry: string): Promise<boolean>
  /** What an entry holds under one of these keys. */
  withKeys(entry: string, keys: readonly string[]): Promise<ReplicaRow[]>
  /** Files that an entry is to get, has nothing of, and whose content is one of these. */
  wanting(entry: string, hashes: readonly string[]): Promise<Work[]>
  /** Which of these contents are the newest of a live file that no entry has yet under its name. */
  unsafe(hashes: readonly string[]): Promise<ReadonlySet<string>>
  /** Another live file of the entry whose name differs in case only. */
  foldTwin(entry: string, foldKey: string, fid: string): Promise<string | undefined>
  countHeld(entry: string): Promise<number>
  intents(): Promise<IntentRow[]>

  /** Runs a transaction; they come one after the other. @throws LeadLost when `epoch` is not the newest */
  change<T>(epoch: number, work: (tx: SyncTransaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Files up to this size share transactions; larger ones have a lane of their own. Bytes. */
export const smallFileBytes = 8 * 1024 * 1024

/** Another process has taken over. */
export class LeadLost extends Error {
  override readonly name = 'LeadLost'
}
