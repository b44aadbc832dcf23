/**
 * What an observation means. Values in, values out: no clock decides and nothing is read or written here. A change comes
 * with its parent, the version that the entry held before, so that two changes of the same parent are recognised as
 * a conflict.
 */
import type { FileRow, FileState, JournalRow, ReplicaRow, VersionRow } from '../../../storage/sync/contract.ts'
import type { Content } from '../content.ts'
import type { FileRecord } from '../drivers/contract.ts'
import { fileId, foldKey } from '../names.ts'

/** Content that lies in an entry, or a file that is gone, as confirmed by a check. */
export interface Observation {
  readonly filename: string
  readonly native: string
  /** Absent: missing. */
  readonly found?: { readonly file: FileRecord; readonly content: Content } | undefined
  /** Missing: the fingerprint that the file had before the look. One that was put there since is not missing. */
  readonly gone?: string | null | undefined
  /** The name the same content had in this entry a moment ago; that one is missing. */
  readonly movedFrom?: string | undefined
  /** The entry had the same file under another spelling of its name, which is gone. */
  readonly respelt?: boolean | undefined
  /** It is the other content of this file, set aside just now. */
  readonly conflictOf?: string | undefined
}

export type Outcome =
  /** Known already, or nothing to say. */
  | { readonly kind: 'same' }
  | { readonly kind: 'accepted' }
  /** The entry has content of its own under a name that is taken: it has to get another one first. */
  | { readonly kind: 'conflict' }
  /** The entry is only written to, and this is none of what was brought there: it stays as it is. */
  | { readonly kind: 'refused' }
  /** The entry is only written to, and this stands where something was brought: it has to get another name there. */
  | { readonly kind: 'aside' }
  /** The file was renamed elsewhere while it was changed here: the change belongs under the new name. */
  | { readonly kind: 'follow'; readonly filename: string }

export interface Deciding {
  readonly entry: string
  /** Nothing is taken from the entry. */
  readonly isWriteOnly: boolean
  /** By file id; files that are new are put in. */
  readonly states: Map<string, FileState>
  readonly versions: VersionRow[]
  readonly journal: JournalRow[]
  /** Ids that changed. */
  readonly touched: Set<string>
  /** Versions known of these files with the contents observed. */
  readonly history: readonly VersionRow[]
  /** Names that have live files below them. */
  readonly folders: ReadonlySet<string>
  newVersion(): number
  owners(filename: string, origins: readonly string[]): readonly string[]
}

/** Applies one observation to the states. */
export function decide(on: Deciding, seen: Observation): Outcome {
  const fid = fileId(seen.filename)
  const state = on.states.get(fid)
  const known = state && replicaIn(state, on.entry)
  const otherSpelling = known !== undefined && known.fingerprint !== null && known.native !== seen.native
  if (otherSpelling && !seen.respelt) return { kind: 'same' }
  return seen.found === undefined ? missing(on, state, seen) : present(on, state, seen, seen.found)
}

function missing(on: Deciding, state: FileState | undefined, { gone }: Observation): Outcome {
  const replica = state && replicaIn(state, on.entry)
  if (state === undefined || replica === undefined || replica.fingerprint === null) return { kind: 'same' }
  if (gone !== undefined && gone !== replica.fingerprint) return { kind: 'same' }
  const { file } = state
  const { base } = replica
  empty(replica)
  on.touched.add(file.fid)
  if (!replica.owner) {
    replica.base = null
    return { kind: 'accepted' }
  }
  if (!file.live) {
    replica.base = file.head
    return { kind: 'accepted' }
  }
  if (on.isWriteOnly) {
    replica.base = null
    on.journal.push({ entry: on.entry, fid: file.fid, filename: file.filename, op: 'deletion-refused', before: base })
    return { kind: 'accepted' }
  }
  if (base !== file.head) {
    // It never had what was deleted here: the newer content will be copied.
    replica.base = null
    on.journal.push({ entry: on.entry, fid: file.fid, filename: file.filename, op: 'deletion-of-stale', before: base })
    return { kind: 'accepted' }
  }
  remove(on, state, null)
  return { kind: 'accepted' }
}

function present(
  on: Deciding,
  state: FileState | undefined,
  seen: Observation,
  found: { readonly file: FileRecord; readonly content: Content },
): Outcome {
  const { content } = found
  if (state === undefined && on.isWriteOnly) return { kind: 'refused' }
  if (state === undefined) {
    if (on.folders.has(seen.filename)) return { kind: 'conflict' }
    const made = newState(seen)
    on.states.set(made.file.fid, made)
    return create(on, made, seen, found)
  }
  const { file } = state
  const replica = replicaIn(state, on.entry)
  const hash = content.hash
  if (file.live && file.hash === hash) {
    finishMove(on, seen, state)
    hold(on, state, seen, found, file.head)
    return { kind: 'accepted' }
  }
  const base = replica?.base ?? null
  if (base !== null && base !== file.head && replica?.hash === hash) {
    // Touched, not changed: it is as stale as before.
    hold(on, state, seen, found, base)
    return { kind: 'accepted' }
  }
  if (base !== file.head) {
    const later = on.history.find((one) => one.fid === file.fid && one.hash === hash && one.id > (base ?? 0))
    // Something that we put here, or that came from elsewhere, on its way to the newest.
    if (later !== undefined && base !== null) {
      hold(on, state, seen, found, later.id)
      return { kind: 'accepted' }
    }
  }
  if (on.isWriteOnly) {
    if (file.live && replica?.owner) return { kind: 'aside' }
    if (replica !== undefined && replica.fingerprint !== null) {
      // What was to be deleted has become a user's own file.
      empty(replica)
      replica.base = file.head
      on.touched.add(file.fid)
    }
    return { kind: 'refused' }
  }
  if (!file.live) {
    if (base !== null && base !== file.head && file.movedTo !== null) {
      const target = on.states.get(file.movedTo)
      if (target?.file.live) return { kind: 'follow', filename: target.file.filename }
    }
    if (on.folders.has(seen.filename)) return { kind: 'conflict' }
    return create(on, state, seen, found)
  }
  // After a restore no entry may have the head's content: then there is nothing to conflict with.
  const isNews = base === null && !isHeld(state) && !on.history.some((one) => one.fid === file.fid && one.hash === hash)
  if (base !== file.head && !isNews) return { kind: 'conflict' }
  // The usual case: a change of the version that all entries have.
  accept(on, state, seen, found, 'changed')
  return { kind: 'accepted' }
}

/** A file that was not there, or not any more. */
function create(
  on: Deciding,
  state: FileState,
  seen: Observation,
  found: { readonly file: FileRecord; readonly content: Content },
): Outcome {
  const { file } = state
  const wasDeleted = file.head !== 0
  const held = replicaIn(state, on.entry)?.fingerprint ?? null
  for (const replica of state.replicas) replica.origin = false
  file.conflictOf = seen.conflictOf ?? null
  file.movedTo = null
  const moved = finishMove(on, seen, state)
  accept(on, state, seen, found, moved ? 'moved' : wasDeleted && held !== null ? 'resurrected' : 'created')
  const replica = replicaIn(state, on.entry)
  if (replica !== undefined) replica.origin = true
  applyOwners(on, state)
  if (moved?.later !== undefined) {
    // Its content was changed elsewhere before the rename was seen: the change goes with it.
    push(on, state, { ...moved.later, parent: file.head }, 'changed')
  }
  return { kind: 'accepted' }
}

/** The head of `state` becomes what was found. */
function accept(
  on: Deciding,
  state: FileState,
  seen: Observation,
  found: { readonly file: FileRecord; readonly content: Content },
  op: string,
): void {
  const { size, hash, chunks } = found.content
  const { mtimeMs, executable = state.file.executable } = found.file
  const parent = state.file.head === 0 ? null : state.file.head
  const id = push(on, state, { parent, hash, size, chunks, mtimeMs, executable }, op)
  hold(on, state, seen, found, id)
  const replica = replicaIn(state, on.entry)
  if (replica !== undefined && !replica.owner) {
    replica.origin = true
    replica.owner = true
    replica.unwanted = false
  }
}

type NewVersion = Omit<VersionRow, 'id' | 'fid' | 'entry'>

function push(on: Deciding, state: FileState, version: NewVersion, op: string): number {
  const { file } = state
  const id = on.newVersion()
  on.versions.push({ ...version, id, fid: file.fid, entry: on.entry })
  on.journal.push({ entry: on.entry, fid: file.fid, filename: file.filename, op, before: version.parent, after: id })
  Object.assign(file, {
    head: id,
    live: version.hash !== null,
    size: version.size,
    hash: version.hash,
    mtimeMs: version.mtimeMs,
    executable: version.executable,
  })
  on.touched.add(file.fid)
  // What blocked the old content need not block the new one.
  for (const replica of state.replicas) {
    unblock(replica)
    if (version.hash === null && replica.fingerprint === null && replica.owner) replica.base = id
  }
  return id
}

/** The head becomes a deletion. */
export function remove(on: Deciding, state: FileState, movedTo: string | null): void {
  const { file } = state
  file.movedTo = movedTo
  file.conflictOf = null
  const { mtimeMs, executable } = file
  const op = movedTo === null ? 'deleted' : 'moved-away'
  const id = push(on, state, { parent: file.head, hash: null, size: 0, chunks: '', mtimeMs, executable }, op)
  const replica = replicaIn(state, on.entry)
  if (replica?.owner && replica.fingerprint === null) replica.base = id
}

/** Ends the old name of a renamed file. Returns what happened to its content elsewhere in the meantime. */
function finishMove(on: Deciding, seen: Observation, target: FileState): { readonly later?: NewVersion } | undefined {
  const from = seen.movedFrom === undefined ? undefined : on.states.get(fileId(seen.movedFrom))
  const replica = from && replicaIn(from, on.entry)
  if (from === undefined || replica === undefined || replica.fingerprint === null || from === target) return undefined
  const { file } = from
  const { base } = replica
  empty(replica)
  on.touched.add(file.fid)
  if (!file.live) {
    replica.base = file.head
    return undefined
  }
  const { hash, size, mtimeMs, executable } = file
  const chunks = on.history.find((one) => one.id === file.head)?.chunks
  const isChanged = base !== file.head
  if (isChanged && chunks === undefined) {
    replica.base = null
    return undefined
  }
  remove(on, from, target.file.fid)
  return isChanged && chunks !== undefined ? { later: { parent: null, hash, size, chunks, mtimeMs, executable } } : {}
}

/** The entry holds this version now. */
function hold(
  on: Deciding,
  state: FileState,
  seen: Observation,
  found: { readonly file: FileRecord; readonly content: Content },
  version: number,
): void {
  const known = replicaIn(state, on.entry)
  const replica = known ?? newReplica(state.file.fid, on.entry, seen.native)
  if (known === undefined) {
    state.replicas.push(replica)
    if (state.file.head !== 0) applyOwners(on, state)
  }
  replica.native = seen.native
  replica.base = version
  replica.hash = found.content.hash
  replica.fingerprint = found.file.fingerprint
  replica.key = found.file.key ?? null
  unblock(replica)
  on.touched.add(state.file.fid)
}

/** Sets for each replica whether it should hold the file, and adds missing ones. True when something changed. */
export function applyOwners(on: Pick<Deciding, 'owners' | 'touched'>, state: FileState): boolean {
  const { file, replicas } = state
  const origins = replicas.filter((replica) => replica.origin).map((replica) => replica.entry)
  const owners = new Set(on.owners(file.filename, origins))
  if (owners.size === 0) {
    // No rule may take the last copy.
    for (const one of replicas) if (one.fingerprint !== null && one.base === file.head) owners.add(one.entry)
  }
  let changed = false
  for (const replica of replicas) {
    const owner = owners.delete(replica.entry)
    if (replica.owner === owner) continue
    replica.owner = owner
    replica.unwanted = false
    unblock(replica)
    changed = true
  }
  for (const entry of owners) {
    replicas.push({ ...newReplica(file.fid, entry, file.filename), owner: true, base: file.live ? null : file.head })
    changed = true
  }
  if (changed) on.touched.add(file.fid)
  return changed
}

/** Whether the newest content lies anywhere under its name. */
function isHeld({ file, replicas }: FileState): boolean {
  return replicas.some(({ fingerprint, base }) => fingerprint !== null && base === file.head)
}

export function replicaIn(state: FileState, entry: string): ReplicaRow | undefined {
  return state.replicas.find((replica) => replica.entry === entry)
}

export function newReplica(fid: string, entry: string, native: string): ReplicaRow {
  return {
    fid,
    entry,
    native,
    owner: false,
    origin: false,
    base: null,
    hash: null,
    fingerprint: null,
    key: null,
    blocked: null,
    attempts: 0,
    retryAtMs: null,
    unwanted: false,
  }
}

/** Nothing lies there. */
export function empty(replica: ReplicaRow): void {
  replica.hash = null
  replica.fingerprint = null
  replica.key = null
}

export function unblock(replica: ReplicaRow): void {
  replica.blocked = null
  replica.attempts = 0
  replica.retryAtMs = null
}

function newState({ filename }: Observation): FileState {
  const file: FileRow = {
    fid: fileId(filename),
    filename,
    foldKey: foldKey(filename),
    head: 0,
    live: false,
    size: 0,
    hash: null,
    mtimeMs: 0,
    executable: false,
    conflictOf: null,
    movedTo: null,
  }
  return { file, replicas: [] }
}
