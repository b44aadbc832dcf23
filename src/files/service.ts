/**
 * The virtual file system as routes see it: no HTTP here, no SQL. `openFiles` in files.ts implements it over a `FileStore`
 * (documents) and an `ObjectStore` (bytes). It behaves as the files of cozy-stack do (docs/files.md there). Failures are
 * Problems; `Problem.source` names the part of the request.
 */
import type { OpenObject } from '../../storage/objects/contract.ts'
import type { Actor } from '../instances/actor.ts'
import type { JsonObject } from '../model/json/value.ts'
import type { Directory, FileNode, Node, Reference } from './node.ts'

/** One tenant's files, for one caller. Made of an instance and a token by `driveOf`. */
export interface Drive {
  readonly prefix: string
  /** For `cozyMetadata.createdOn` and the like: `https://domain/`. */
  readonly pageUrl: string
  /** Bytes; `undefined`: no quota. */
  readonly quota: number | undefined
  readonly versioning: Versioning
  readonly actor: Actor
  /** Of the instance: for the names of copies. */
  readonly locale: string
  /** Created together with the root; absent: none. */
  readonly firstDirectories?: readonly FirstDirectory[]
  /** The owner of the files, to be recorded in what is trashed. Reads the settings; absent: not recorded. */
  readonly owner?: () => Promise<Owner>
}

/** A directory that a new drive begins with. */
export interface FirstDirectory {
  readonly name: string
  readonly referencedBy?: readonly Reference[]
}

export interface Owner {
  /** Empty where none was given. */
  readonly displayName: string
  readonly domain: string
}

/** When the content that an upload replaces is kept. */
export interface Versioning {
  /** Counting the current content; 0: none is kept. Default 20. */
  readonly max: number
  /** Default 15 minutes. */
  readonly minDelayMs: number
}

export interface Page {
  readonly limit: number
  readonly skip?: number | undefined
  readonly after?: { readonly kind: 'directory' | 'file'; readonly name: string; readonly id: string } | undefined
}

export interface Children {
  readonly nodes: readonly Node[]
  /** All of the directory; the root's list leaves out the trash. */
  readonly count: number
  /** Another page may follow the last node. */
  readonly more: boolean
}

/** The description of a new directory or file. Dates are of RFC 3339 and are kept as they are. */
interface NewNode {
  readonly dirId: string
  readonly name: string
  readonly tags?: readonly string[]
  readonly createdAt?: string | undefined
  readonly updatedAt?: string | undefined
  readonly metadata?: JsonObject | undefined
}

export interface NewDirectory extends NewNode {
  readonly sourceAccount?: string | undefined
}

/** What the client claims about the bytes to come. */
export interface ContentClaims {
  /** The request's media type; absent or `application/octet-stream`: from the name. */
  readonly mime?: string | undefined
  /** Bytes announced; more or fewer are refused with 412. */
  readonly size?: number | undefined
  /** Base64 of 16 bytes, already validated; another sum is refused with 412. */
  readonly md5?: string | undefined
  readonly executable?: boolean
  readonly encrypted?: boolean
}

export interface NewFile extends NewNode, ContentClaims {
  readonly sourceAccount?: string | undefined
  readonly sourceAccountIdentifier?: string | undefined
}

export interface NewContent extends ContentClaims {
  /** The revision that must be current. */
  readonly ifMatch?: string | undefined
  readonly updatedAt?: string | undefined
  /** Replaced even when absent. */
  readonly tags?: readonly string[]
  readonly metadata?: JsonObject | undefined
}

/** What a PATCH may change; `undefined`: unchanged. */
export interface NodeChanges {
  readonly ifMatch?: string | undefined
  readonly name?: string | undefined
  readonly dirId?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly updatedAt?: string | undefined
  readonly executable?: boolean | undefined
  readonly encrypted?: boolean | undefined
  /** Derives the class again from the media type. */
  readonly reclassify?: boolean | undefined
  readonly metadata?: JsonObject | undefined
  readonly favorite?: boolean | undefined
}

/** Content that was replaced, or kept as a version on request. */
export interface Version {
  /** `FILE/INTERNAL`. */
  readonly id: string
  readonly rev: string
  readonly fileId: string
  readonly internalId: string
  readonly size: number
  readonly md5sum: string
  readonly tags: readonly string[]
  /** The document as stored. */
  readonly value: JsonObject
}

export interface DiskUsage {
  readonly used: number
  readonly files: number
  readonly versions: number
  readonly trash: number | undefined
}

/** Bytes as they arrive from a client. Reading stops at the first byte beyond what was announced or fits. */
export type Bytes = AsyncIterable<Uint8Array>

export interface Files {
  /** Makes the special directories of a new tenant; does nothing when they exist. */
  prepare(drive: Drive): Promise<void>

  // Reading. `undefined`: it does not exist.
  node(drive: Drive, id: string): Promise<Node | undefined>
  /** By absolute path, `/` in front; the root is `/`. @throws 400 for a path that is not absolute */
  nodeAt(drive: Drive, path: string): Promise<Node | undefined>
  nodes(drive: Drive, ids: readonly string[]): Promise<readonly Node[]>
  /** Full paths by id. */
  paths(drive: Drive, nodes: readonly Node[]): Promise<ReadonlyMap<string, string>>
  /** Ids of the directories above, nearest first: what a permission on a directory covers. */
  ancestors(drive: Drive, id: string): Promise<readonly string[]>
  children(drive: Drive, directory: Directory, page: Page): Promise<Children>
  /** Every node below a directory, parents before children; for archives. */
  walk(drive: Drive, directory: Directory): AsyncIterable<{ readonly node: Node; readonly path: string }>
  sizeBelow(drive: Drive, directory: Directory): Promise<number>
  usage(drive: Drive, options?: { readonly trash?: boolean }): Promise<DiskUsage>

  /** The bytes of a file or of a version. @throws 404 when they are not in the store */
  open(
    drive: Drive,
    content: FileNode | Version,
    range?: { readonly start: number; readonly end: number },
  ): Promise<OpenObject>

  // Writing.
  createDirectory(drive: Drive, directory: NewDirectory): Promise<Directory>
  /**
   * Makes the directory at `path`. `recursive` makes its parents too, and returns an existing directory unchanged.
   * @throws Problem 404 when the parent is missing or a file, 409 when the name is taken
   */
  createDirectoryAt(
    drive: Drive,
    path: string,
    options: { readonly recursive: boolean; readonly tags?: readonly string[] },
  ): Promise<Directory>
  /** The directory that holds shared drives, made when it is first asked for. */
  sharedDrives(drive: Drive): Promise<Directory>
  /** Parent, name and room are checked before the first byte of `body` is asked for. */
  createFile(drive: Drive, file: NewFile, body: Bytes): Promise<FileNode>
  overwrite(drive: Drive, id: string, content: NewContent, body: Bytes): Promise<FileNode>
  /** `name` absent: `<base> (copy)<ext>`, with a number where that is taken. */
  copy(drive: Drive, id: string, to: { readonly name?: string; readonly dirId?: string }): Promise<FileNode>
  /** @throws 404, 409, 412 (revision, move into itself), 422, 400 for a special directory */
  change(drive: Drive, id: string, changes: NodeChanges): Promise<Node>

  // Trash.
  trash(drive: Drive, id: string, ifMatch?: string): Promise<Node>
  restore(drive: Drive, id: string): Promise<Node>
  /** Deletes for good, with versions; resolves to the deleted node. `inTrash`: 400 unless it is in the trash. */
  destroy(
    drive: Drive,
    id: string,
    options: { readonly ifMatch?: string | undefined; readonly inTrash: boolean },
  ): Promise<Node>
  emptyTrash(drive: Drive): Promise<void>

  // Versions. Newest first.
  versions(drive: Drive, fileId: string): Promise<readonly Version[]>
  version(drive: Drive, fileId: string, internalId: string): Promise<Version | undefined>
  /** The content of a version becomes the current one, which becomes a version. */
  revert(drive: Drive, fileId: string, internalId: string): Promise<FileNode>
  /** Keeps the current content as a version, with the metadata given for what follows. */
  keepVersion(
    drive: Drive,
    fileId: string,
    description: { readonly tags?: readonly string[]; readonly metadata?: JsonObject | undefined },
  ): Promise<FileNode>
  tagVersion(drive: Drive, fileId: string, internalId: string, tags: readonly string[]): Promise<Version>
  deleteVersion(drive: Drive, fileId: string, internalId: string): Promise<void>
  deleteAllVersions(drive: Drive): Promise<void>

  // References, idempotent both ways.
  addReferences(drive: Drive, id: string, references: readonly Reference[]): Promise<Node>
  removeReferences(drive: Drive, id: string, references: readonly Reference[]): Promise<Node>
  referencing(
    drive: Drive,
    page: {
      readonly type: string
      readonly id: string
      readonly sort: 'id' | '-id' | 'datetime' | '-datetime'
      readonly after?: { readonly at: string; readonly id: string } | undefined
      readonly limit: number
    },
  ): Promise<{
    readonly nodes: readonly { readonly node: Node; readonly at: string }[]
    readonly count: number
    readonly more: boolean
  }>

  /** Deletes objects that nothing references any more; resolves to how many. Called by a timer, and by tests. */
  sweep(): Promise<number>
  close(): Promise<void>
}
