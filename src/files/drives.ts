/** Runs reads and changes on one tenant's tree: ensures the special directories, and deletes discarded bytes. */
import type { FileStore, FilesReader, FilesTransaction } from '../../storage/files/contract.ts'
import type { JsonObject } from '../model/json/value.ts'
import { newDirectory, newNodeEdit } from './document.ts'
import { newFileId } from './ids.ts'
import { rootId, trashId, trashPath } from './node.ts'
import { joinPath } from './paths.ts'
import type { Act } from './provenance.ts'
import type { Drive } from './service.ts'

/** What a change works with. */
export interface Work extends Act {
  readonly tx: FilesTransaction
  readonly nowMs: number
  /** These objects are no longer referenced: deleted soon after the commit. */
  discard(objects: readonly string[]): Promise<void>
}

export interface DrivesOptions {
  readonly store: FileStore
  readonly now: () => number
  /** Deletes objects after a commit that discarded them. Never rejects. */
  readonly reclaim: (objects: readonly string[]) => Promise<void>
}

export class Drives {
  /** Tenants that have their special directories. Small: a namespace takes a few dozen bytes. */
  readonly #prepared = new Set<string>()

  readonly #options: DrivesOptions

  constructor(options: DrivesOptions) {
    this.#options = options
  }

  /** Makes the special directories where they are missing. */
  async prepare(drive: Drive): Promise<void> {
    if (this.#prepared.has(drive.prefix)) return
    const found = await this.#options.store.tree(drive.prefix).byIds([rootId, trashId])
    if (found.length === 2) this.#prepared.add(drive.prefix)
    else await this.change(drive, async () => {})
  }

  /** For reads, each in a snapshot of its own. */
  async reader(drive: Drive): Promise<FilesReader> {
    await this.prepare(drive)
    return this.#options.store.tree(drive.prefix)
  }

  /** The databases were dropped by someone else, or a special directory was deleted: they are checked again. */
  forget(drive: Drive): void {
    this.#prepared.delete(drive.prefix)
  }

  /** `work` may run more than once. */
  async change<T>(drive: Drive, work: (work: Work) => Promise<T>): Promise<T> {
    const { store, now, reclaim } = this.#options
    let discarded: string[] = []
    const result = await store.change(drive.prefix, async (tx) => {
      discarded = []
      const nowMs = now()
      const act = { drive, at: new Date(nowMs).toISOString() }
      if (tx.isNew || !this.#prepared.has(drive.prefix)) await makeSpecials(tx, act, nowMs)
      return work({
        ...act,
        tx,
        nowMs,
        async discard(objects) {
          await tx.discard(objects)
          for (const object of objects) discarded.push(object)
        },
      })
    })
    this.#prepared.add(drive.prefix)
    await reclaim(discarded)
    return result
  }
}

/** The root and the trash and, with a new root, the directories that a new drive begins with. */
async function makeSpecials(tx: FilesTransaction, act: Act, nowMs: number): Promise<void> {
  const there = new Set((await tx.byIds([rootId, trashId])).map(({ id }) => id))
  const root = newDirectory(act, { dirId: '', name: '' }, '/')
  const trash = newDirectory(act, { dirId: rootId, name: trashPath.slice(1) }, trashPath)
  const missing = [
    { id: rootId, value: root },
    { id: trashId, value: trash },
  ].filter(({ id }) => !there.has(id))
  // Only together with the root: whoever deletes one of them later does not want it back.
  const first = there.has(rootId) ? [] : firstDirectories(act, nowMs)
  const edits = [...missing, ...first].map(({ id, value }) => newNodeEdit(id, value))
  if (edits.length > 0) await tx.write(edits)
}

function firstDirectories(act: Act, nowMs: number): readonly { readonly id: string; readonly value: JsonObject }[] {
  return (act.drive.firstDirectories ?? []).map(({ name, referencedBy = [] }) => {
    const value = newDirectory(act, { dirId: rootId, name }, joinPath('/', name))
    const references = referencedBy.map(({ type, id }) => ({ type, id }))
    return {
      id: newFileId(nowMs),
      value: references.length === 0 ? value : { ...value, referenced_by: references },
    }
  })
}
