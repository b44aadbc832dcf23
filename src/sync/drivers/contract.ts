/**
 * What the sync engine asks of a place that holds files. A driver decides nothing: it lists, reads and changes single
 * files, and refuses whatever would touch a file that is not the one the engine has seen. Names are relative paths with
 * `/` between their segments, exactly as the place spells them.
 */
import type { z } from 'zod'

/** One file as the place shows it now. */
export interface FileRecord {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970; informational. */
  readonly mtimeMs: number
  /** Changes whenever the content may have changed. Opaque. */
  readonly fingerprint: string
  /**
   * Stays when the file is renamed: an inode, or failing that something that distinguishes most files. A file with the key of
   * one that is gone may be the same file; its content decides.
   */
  readonly key?: string | undefined
  readonly executable?: boolean | undefined
  /** When it was last touched, by the place's clock; absent where files only ever appear whole. */
  readonly changedMs?: number | undefined
}

/** Something that exists and cannot be synchronised: a link, a socket, a name that is not UTF-8, an inaccessible folder. */
export interface Odd {
  readonly kind: 'odd'
  readonly name: string
  readonly reason: string
  /** Nothing is known of what lies below it. */
  readonly hidesBelow: boolean
}

export type Listed = { readonly kind: 'file'; readonly file: FileRecord } | Odd
export type Seen = Listed | { readonly kind: 'folder' }

/** What the place can do, detected when it is opened. */
export interface Capabilities {
  readonly caseSensitive: boolean
  /** The place keeps names as they were given and does not turn them into NFC or NFD. */
  readonly keepsUnicode: boolean
  /** Publishing over an existing file cannot lose a change that someone else makes at that moment. */
  readonly atomicReplace: boolean
  readonly keepsExecutable: boolean
  /** Longest segment of a name in bytes. */
  readonly maxSegmentBytes: number
  /** Files appear complete, so that a size and time seen once need no second check. */
  readonly wholeFiles: boolean
}

/** Where displaced content goes: `key` is chosen by the engine, unique for ever. */
export interface TrashPlace {
  readonly key: string
  /** Name of the file that the content had. */
  readonly name: string
}

export interface StageRequest {
  readonly name: string
  readonly size: number
  readonly mtimeMs: number
  readonly executable: boolean
  /** All writes but the last have this many bytes. */
  readonly chunkBytes: number
}

/** Content being uploaded, invisible before `commit`. */
export interface Stage {
  /** Bytes from the beginning that an earlier attempt left here, a multiple of the chunk size or the whole file. */
  readonly staged: number
  /** What an earlier attempt left, to be verified; `undefined` where the place vouches for it itself. */
  readBack(start: number, end: number): AsyncIterable<Uint8Array> | undefined
  /** In order, one chunk each. */
  write(start: number, bytes: Uint8Array): Promise<void>
  /**
   * Puts the content in the file's place, complete and durable. `expected`: fingerprint of the file that it replaces, which goes to
   * `trash`; `undefined`: nothing may be there.
   * @throws DriverError `exists` or `changed`; the stage is kept then, and what is at the name is as it was.
   */
  commit(expected: string | undefined, trash: TrashPlace): Promise<FileRecord>
  /** Removes it. */
  abort(): Promise<void>
  /** Closes it, keeping what is staged. */
  close(): Promise<void>
}

export interface Driver {
  readonly capabilities: Capabilities

  /** The token of the marker that `mark` left, which tells this place from an empty mount point. */
  identity(): Promise<string | undefined>
  mark(token: string): Promise<void>

  /**
   * Every file, or those below a folder, in pages ascending by the bytes of the names. Ends normally only when all of it
   * was read: a listing that breaks off rejects.
   */
  list(below?: string): AsyncIterable<readonly Listed[]>
  stat(name: string): Promise<Seen | undefined>
  /** Bytes `start` (included) to `end` (excluded) of exactly this file. @throws DriverError `changed`, `not_found` */
  read(name: string, fingerprint: string, start: number, end: number): AsyncIterable<Uint8Array>

  /** Opens the stage of this key, a new one or that of an earlier attempt. Keys hold `[0-9a-zA-Z.-]` only. */
  stage(key: string, request: StageRequest): Promise<Stage>
  /** Removes stages other than these. */
  sweepStages(keep: ReadonlySet<string>): Promise<void>

  /** Moves a file to the trash. @throws DriverError `changed` when it is another one; a missing one is not an error */
  remove(name: string, fingerprint: string, trash: TrashPlace): Promise<void>
  /** Renames within the place. @throws DriverError `not_found`, `changed`, `exists` */
  move(from: string, fingerprint: string, to: string): Promise<FileRecord>

  /** Whether the trash holds it. */
  isTrashed(trash: TrashPlace): Promise<boolean>
  /** Restores it under a name that is free. @throws DriverError `exists`, `not_found` */
  restore(trash: TrashPlace, to: string): Promise<FileRecord>
  /** Deletes it for good; a missing one is not an error. */
  purge(trash: TrashPlace): Promise<void>

  /** Calls `hint` with names that may have changed, `lost` when changes may have been missed. Absent: poll. */
  watch?(hint: (name: string) => void, lost: () => void): () => void
  /** Free bytes; `undefined`: unknown. */
  space(): Promise<number | undefined>
  close(): Promise<void>
}

/** What drivers are opened with beside their options. */
export interface DriverContext {
  /** Aborts what is waiting. */
  readonly signal: AbortSignal
  /** The operator named the place, and may name any address. */
  readonly trusted: boolean
}

/** A kind of driver: its options' schema and how it is opened. */
export interface DriverKind {
  readonly name: string
  readonly summary: string
  readonly options: z.ZodObject
  /** Names of options that are never shown. */
  readonly secrets: readonly string[]
  /** Between 0 and 1: sources are asked in this order. */
  readonly velocity: number
  /** Days in which all content is read and compared once, unless an entry says otherwise; 0: never. */
  readonly checkDays: number
  /** Milliseconds between full listings when none is requested. */
  readonly rescanMs: number
  /** Validates against the real place. @throws DriverError `options` when it can never work, `unavailable` when it may later */
  open(options: Readonly<Record<string, unknown>>, context: DriverContext): Promise<Driver>
}

/** The folder or prefix of our own in every place: marker, stages and trash. Never synchronised. */
export const ownFolder = '.hearth-sync'
/** The file that names the entry a place belongs to. */
export const markerName = `${ownFolder}/entry`
/** The folder of content being uploaded. */
export const stageFolder = `${ownFolder}/stage`
/** Files in one page of a listing. */
export const listingPage = 1_000
/** Capabilities of a remote place, unless its driver says otherwise. */
export const remoteCapabilities: Capabilities = {
  caseSensitive: true,
  keepsUnicode: true,
  atomicReplace: false,
  keepsExecutable: false,
  maxSegmentBytes: 255,
  wholeFiles: true,
}

/** True for our own files and folders. */
export function isOwn(name: string): boolean {
  return name === ownFolder || name.startsWith(`${ownFolder}/`)
}
