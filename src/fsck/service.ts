/** Checking an instance's files, and the repair of one kind of damage. `openFsck` in fsck.ts implements it. */
import type { Drive } from '../files/service.ts'
import type { Finding } from './finding.ts'

export interface CheckOptions {
  /** Are the documents consistent among themselves? */
  readonly index: boolean
  /** Do documents and objects agree? */
  readonly storage: boolean
  /** End with the first finding. */
  readonly failFast?: boolean
  /** Read all bytes of all contents, which takes as long as downloading them: see `inspect` in content.ts. */
  readonly hash?: boolean
  /** Ends the check soon, with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What the repair did, or would do. */
export interface FixedFile {
  /** Before the repair. */
  readonly path: string
  readonly id: string
  /** As in the document. */
  readonly createdAt: string
  readonly updatedAt: string
}

export interface FixedContents {
  /** Renamed, with the size and md5 of what is there. */
  readonly updated: readonly FixedFile[]
  /** Destroyed, since they were in the trash. */
  readonly removed: readonly FixedFile[]
}

export interface Fsck {
  /**
   * Findings as they are found. No one is prevented from writing: what changes during the check is not reported.
   * Throws `no_database`, or the Problem of a store that does not answer
   */
  check(prefix: string, options: CheckOptions): AsyncIterable<Finding>
  /** Repairs files that lost the end of their content to an old fault of uploads. */
  fixContents(drive: Drive, options: { readonly dryRun: boolean }): Promise<FixedContents>
  /**
   * The contents that are not as their documents say, one line of JSON each: as found at most three months ago unless
   * `fresh`.
   */
  badContents(prefix: string, options: { readonly fresh: boolean; readonly signal: AbortSignal }): AsyncIterable<string>
}
