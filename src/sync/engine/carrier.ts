/**
 * Carries out the pending work of one entry: copies, deletions, renames. Visible changes are recorded before, and
 * their outcome after; whatever stands in the way is examined again instead of being overwritten.
 */
import { randomUUID } from 'node:crypto'
import type { FileState, IntentRow, JournalRow, TrashRow, VersionRow, Work } from '../../../storage/sync/contract.ts'
import { inParallel } from '../../platform/parallel.ts'
import { chunkBytes } from '../content.ts'
import type { FileRecord, StageRequest } from '../drivers/contract.ts'
import { DriverError, driverCode } from '../drivers/error.ts'
import { reachSync } from '../failpoints.ts'
import { nameFault } from '../names.ts'
import type { EngineContext, OwnEntry } from './context.ts'
import { empty, replicaIn, unblock } from './decide.ts'
import { fillStage, NoSource, noSource, type Progress } from './transfer.ts'

const batchSize = 64
const smallAtOnce = 8
const largeAtOnce = 2

/** One thing to do. `from`: what is renamed instead of being copied and deleted. */
interface Task {
  readonly op: string
  readonly work: Work
  readonly from?: Work | undefined
}

type Result =
  /** `resumed`: bytes that an earlier attempt had left. */
  | { readonly kind: 'put'; readonly file: FileRecord; readonly resumed?: number }
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'later'
      readonly reason: string | null
      readonly afterMs: number
      readonly counts: boolean
      readonly isDisplaced?: boolean | 'unknown'
    }

/** The record of a result. */
interface Outcomes {
  readonly states: ReadonlyMap<string, FileState>
  readonly journal: JournalRow[]
  readonly trash: TrashRow[]
  readonly versions: ReadonlyMap<number, VersionRow>
}

export interface RunningTransfer extends Progress {
  readonly fid: string
  readonly filename: string
  readonly version: number
}

export class Carrier {
  readonly #context: EngineContext
  readonly #entry: OwnEntry
  /** By file id. */
  readonly #inFlight = new Map<string, { readonly version: number; readonly stop: AbortController }>()
  /** Stages kept for another attempt, by file id. */
  readonly #leftBehind = new Map<string, { version: number; key: string; request: StageRequest }>()
  readonly #transfers = new Set<RunningTransfer>()
  readonly #large = new Set<Promise<void>>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #running: Promise<void> | undefined
  #again = false
  #isOpen = false

  constructor(context: EngineContext, entry: OwnEntry) {
    this.#context = context
    this.#entry = entry
  }

  get transfers(): readonly RunningTransfer[] {
    return [...this.#transfers]
  }

  get isQuiet(): boolean {
    return this.#running === undefined && this.#large.size === 0
  }

  /** Until then work waits: before the first scan of a place it is not known what it holds. */
  open(): void {
    this.#isOpen = true
    this.wake()
  }

  /** There may be work. */
  wake(): void {
    if (!this.#isOpen || this.#entry.signal.aborted) return
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#again) this.wake()
    })
  }

  /** Ends transfers of versions that are not the newest any more. */
  supersede(fid: string, head: number): void {
    const running = this.#inFlight.get(fid)
    if (running !== undefined && running.version !== head) running.stop.abort()
    const left = this.#leftBehind.get(fid)
    if (left === undefined || left.version === head) return
    this.#leftBehind.delete(fid)
    const remove = async () => (await this.#entry.driver.stage(left.key, left.request)).abort()
    // What stays is swept when the place is opened again.
    remove().catch(() => {})
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#isOpen = false
    this.#again = false
    // What runs ends with the signal of the entry, and its stages stay for another time.
    await this.#running
    await Promise.all(this.#large)
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer)
    try {
      while (this.#again && this.#isOpen && !this.#entry.signal.aborted) {
        this.#again = false
        if (!(await this.#entry.isItself())) return
        const small = await this.#due('small', batchSize)
        if (small.length > 0) {
          await this.#batch(small)
          this.#again = true
        }
        const room = largeAtOnce - this.#large.size
        for (const work of room > 0 ? await this.#due('large', room) : []) this.#startLarge(work)
      }
      await this.#sleep()
    } catch (error) {
      if (this.#entry.signal.aborted) return
      this.#entry.failed(error)
      this.#timer = setTimeout(() => this.wake(), this.#context.timing.reopenMs)
    }
  }

  #due(lane: 'small' | 'large', limit: number): Promise<Work[]> {
    return this.#context.store.dueWork(this.#entry.name, { lane, limit, without: [...this.#inFlight.keys()] })
  }

  async #sleep(): Promise<void> {
    const next = await this.#context.store.nextDueMs(this.#entry.name)
    if (next === undefined || this.#entry.signal.aborted) return
    const wait = Math.min(Math.max(next - this.#context.now(), 20), 60_000)
    this.#timer = setTimeout(() => this.wake(), wait)
  }

  #startLarge(work: Work): void {
    const run = this.#batch([work]).catch((error: unknown) => {
      if (!this.#entry.signal.aborted) this.#entry.failed(error)
    })
    this.#large.add(run)
    void run.finally(() => {
      this.#large.delete(run)
      this.wake()
    })
  }

  async #batch(all: readonly Work[]): Promise<void> {
    const { store } = this.#context
    const tasks = await this.#tasksOf(all)
    const fids = tasks.flatMap(({ work, from }) =>
      from === undefined ? [work.file.fid] : [work.file.fid, from.file.fid],
    )
    const natives = tasks.flatMap(({ work, from }) => [work.replica.native, ...(from ? [from.replica.native] : [])])
    for (const { work, from } of tasks) {
      const stop = new AbortController()
      this.#inFlight.set(work.file.fid, { version: work.file.head, stop })
      if (from !== undefined) this.#inFlight.set(from.file.fid, { version: from.file.head, stop })
    }
    for (const native of natives) this.#entry.busy.add(native)
    try {
      const hashes = tasks.flatMap(({ work }) => work.file.hash ?? [])
      const wanted = tasks.flatMap(({ work }) => [work.file.head, work.replica.base ?? 0])
      const versions = new Map((await store.versions(wanted)).map((one) => [one.id, one]))
      const sources = await store.sources([...new Set(hashes)])
      const unsafe = await store.unsafe(tasks.flatMap(({ work }) => (work.file.live ? [] : (work.replica.hash ?? []))))
      await this.#context.change((tx) => tx.save({ intents: tasks.map((task) => this.#intentOf(task)) }))
      await reachSync('copy:intended')
      const results = new Map<Task, Result>()
      // Deletions first: a folder may have to take the place of a file.
      for (const live of [false, true]) {
        const some = tasks.filter(({ work }) => work.file.live === live)
        await inParallel(smallAtOnce, some, async (task) => {
          const { head, hash } = task.work.file
          const own = sources.filter((source) => source.hash === hash)
          results.set(task, await this.#perform(task, versions.get(head), own, unsafe))
        })
      }
      // What was put where an unmounted disk should be is not there when the disk is back: the intents stay until then.
      if (!(await this.#entry.isItself())) return
      await reachSync('work:done')
      await this.#finish(results, versions)
    } finally {
      for (const fid of fids) this.#inFlight.delete(fid)
      for (const native of natives) this.#entry.busy.delete(native)
    }
  }

  /** Pairs deletions with files of the same content that are to come: those are renames. */
  async #tasksOf(all: readonly Work[]): Promise<Task[]> {
    const deletions = all.filter(({ file, replica }) => !file.live && replica.fingerprint !== null)
    const wanting = await this.#context.store.wanting(
      this.#entry.name,
      deletions.flatMap(({ replica }) => replica.hash ?? []),
    )
    const taken = new Set<string>()
    const tasks: Task[] = []
    for (const from of deletions) {
      const work = wanting.find(({ file, replica }) => {
        const isFree = !taken.has(file.fid) && !this.#inFlight.has(file.fid)
        // Where a rename was refused before, it is a copy and a deletion.
        return isFree && replica.attempts === 0 && file.hash === from.replica.hash
      })
      if (work === undefined || this.#refusal(work) !== undefined) continue
      taken.add(work.file.fid)
      taken.add(from.file.fid)
      tasks.push({ op: randomUUID(), work, from })
    }
    for (const work of all) if (!taken.has(work.file.fid)) tasks.push({ op: randomUUID(), work })
    return tasks
  }

  #intentOf({ op, work, from }: Task): IntentRow {
    const { file, replica } = work
    const kind = from !== undefined ? 'move' : file.live && replica.owner ? 'put' : 'delete'
    const { fid, head, size } = file
    return {
      op,
      entry: this.#entry.name,
      fid,
      version: head,
      kind,
      native: replica.native,
      before: replica.fingerprint,
      size,
    }
  }

  async #perform(
    task: Task,
    version: VersionRow | undefined,
    sources: readonly { entry: string; native: string; fingerprint: string; hash: string }[],
    unsafe: ReadonlySet<string>,
  ): Promise<Result> {
    const { work, from } = task
    const { file, replica } = work
    const isUnwanted = file.live && !replica.owner
    try {
      if (!file.live && replica.fingerprint === null) return { kind: 'gone' }
      if (this.#entry.mode === 'ro') {
        return { kind: 'later', reason: 'read-only', afterMs: this.#context.timing.blockedMs, counts: false }
      }
      if (isUnwanted && !(await this.#context.store.isElsewhere(file.fid, this.#entry.name))) {
        return { kind: 'later', reason: 'no other copy', afterMs: 2_000, counts: false }
      }
      if (!file.live || isUnwanted) {
        if (replica.fingerprint === null) return { kind: 'gone' }
        // The only copy of content that another file is waiting for.
        if (!isUnwanted && replica.hash !== null && unsafe.has(replica.hash)) {
          return { kind: 'later', reason: null, afterMs: 2_000, counts: false }
        }
        await this.#entry.driver.remove(replica.native, replica.fingerprint, { key: task.op, name: replica.native })
        await reachSync('delete:done')
        this.#entry.answered()
        return { kind: 'gone' }
      }
      const refusal = this.#refusal(work) ?? (await this.#twin(work))
      if (refusal !== undefined) {
        return { kind: 'later', reason: refusal, afterMs: this.#context.timing.blockedMs, counts: false }
      }
      if (from?.replica.fingerprint) {
        const moved = await this.#entry.driver.move(from.replica.native, from.replica.fingerprint, replica.native)
        await reachSync('rename:done')
        return { kind: 'put', file: moved }
      }
      if (version === undefined) throw new Error(`version ${file.head} is not known`)
      const put = await this.#put(task, version, sources)
      this.#entry.answered()
      return { kind: 'put', ...put }
    } catch (error) {
      const later = this.#refused(task, error)
      return { ...later, isDisplaced: await this.#isDisplaced(task) }
    }
  }

  /** Whether it broke off after the old content went to the trash, where no free name was left to put it back. */
  async #isDisplaced({ op, work: { replica } }: Task): Promise<boolean | 'unknown'> {
    if (replica.fingerprint === null) return false
    return this.#entry.driver.isTrashed({ key: op, name: replica.native }).catch(() => 'unknown' as const)
  }

  /** Why the place can never have a file of this name. */
  #refusal({ replica }: Work): string | undefined {
    const { maxSegmentBytes } = this.#entry.driver.capabilities
    const isLong = replica.native.split('/').some((segment) => Buffer.byteLength(segment) > maxSegmentBytes)
    return isLong || nameFault(replica.native.normalize('NFC')) !== undefined ? 'name' : undefined
  }

  async #twin({ file, replica }: Work): Promise<string | undefined> {
    if (this.#entry.driver.capabilities.caseSensitive || replica.fingerprint !== null) return undefined
    const twin = await this.#context.store.foldTwin(this.#entry.name, file.foldKey, file.fid)
    return twin === undefined ? undefined : 'case-collision'
  }

  async #put(
    { op, work }: Task,
    version: VersionRow,
    sources: readonly { entry: string; native: string; fingerprint: string; hash: string }[],
  ): Promise<{ readonly file: FileRecord; readonly resumed: number }> {
    const { file, replica } = work
    const stop = this.#inFlight.get(file.fid)?.stop.signal
    const signal = stop === undefined ? this.#entry.signal : AbortSignal.any([stop, this.#entry.signal])
    const progress = { fid: file.fid, filename: file.filename, version: file.head, total: file.size, done: 0 }
    this.#transfers.add(progress)
    try {
      const key = `${file.fid}.${file.head}`
      const { size, mtimeMs, executable } = version
      const request = { name: replica.native, size, mtimeMs, executable, chunkBytes: chunkBytes(size) }
      const stage = await this.#entry.driver.stage(key, request)
      this.#leftBehind.delete(file.fid)
      try {
        const resumed = await fillStage(this.#context, this.#entry, stage, version, sources, { progress, signal })
        signal.throwIfAborted()
        await reachSync('copy:filled')
        const published = await stage.commit(replica.fingerprint ?? undefined, { key: op, name: replica.native })
        await reachSync('copy:published')
        this.#entry.totals.copiedFiles += 1
        this.#entry.totals.copiedBytes += size
        return { file: published, resumed }
      } catch (error) {
        const code = driverCode(error)
        if (code === 'exists' || code === 'changed' || code === 'corrupt' || stop?.aborted) await stage.abort()
        else this.#leftBehind.set(file.fid, { version: file.head, key, request })
        throw error
      } finally {
        await stage.close()
      }
    } finally {
      this.#transfers.delete(progress)
    }
  }

  /** How failed work is treated. */
  #refused({ work }: Task, error: unknown): Extract<Result, { kind: 'later' }> {
    const { timing } = this.#context
    const { replica } = work
    const again = (
      afterMs: number,
      reason: string | null = null,
      counts = false,
    ): Extract<Result, { kind: 'later' }> => ({
      kind: 'later',
      reason,
      afterMs,
      counts,
    })
    if (error instanceof NoSource) {
      // It may just have been renamed where it was.
      if (replica.attempts < 3) return again(100 * 2 ** replica.attempts, null, true)
      return again(backoffMs(replica.attempts, timing.longestRetryMs), noSource, true)
    }
    if (!(error instanceof DriverError)) {
      if (error instanceof Error && error.name === 'AbortError') return again(0)
      this.#context.log.error('a transfer failed', { entry: this.#entry.name, error })
      return again(backoffMs(replica.attempts, timing.longestRetryMs), 'internal error', true)
    }
    switch (error.code) {
      case 'exists':
      case 'changed':
      case 'not_found':
        // Someone has changed something here: their change comes first.
        this.#entry.hint(replica.native)
        this.#hintAbove(replica.native)
        return again(backoffMs(replica.attempts, timing.longestRetryMs), null, true)
      case 'permission':
      case 'name':
        return again(timing.blockedMs, error.code)
      case 'space':
        return again(Math.min(timing.blockedMs, 30_000), 'space', true)
      case 'corrupt':
        return again(backoffMs(replica.attempts, timing.longestRetryMs), 'corrupt', true)
      default:
        this.#entry.failed(error)
        return again(error.retryAfterMs ?? backoffMs(replica.attempts, timing.longestRetryMs), 'unavailable', true)
    }
  }

  /** A file may stand where a folder has to be. */
  #hintAbove(native: string): void {
    for (let at = native.lastIndexOf('/'); at > 0; at = native.lastIndexOf('/', at - 1)) {
      this.#entry.hint(native.slice(0, at))
    }
  }

  async #finish(results: ReadonlyMap<Task, Result>, versions: ReadonlyMap<number, VersionRow>): Promise<void> {
    const { name: entry } = this.#entry
    const tasks = [...results.keys()]
    // What is not known is found out when the place is opened again.
    const settled = [...results].filter(([, result]) => !('isDisplaced' in result && result.isDisplaced === 'unknown'))
    const woken = await this.#context.change(async (tx) => {
      const ids = tasks.flatMap(({ work, from }) =>
        from === undefined ? [work.file.fid] : [work.file.fid, from.file.fid],
      )
      const states = new Map((await tx.files(ids)).map((state) => [state.file.fid, state]))
      const journal: JournalRow[] = []
      const trash: TrashRow[] = []
      for (const [task, result] of results) this.#apply(task, result, { states, journal, trash, versions })
      await tx.save({ files: [...states.values()], journal, trash, intentsDone: settled.map(([{ op }]) => op) })
      return [...states.values()]
    })
    this.#context.log.debug('work done', { entry, count: tasks.length })
    this.#context.changed(woken)
  }

  #apply({ op, work, from }: Task, result: Result, { states, journal, trash, versions }: Outcomes): void {
    const { name: entry } = this.#entry
    const state = states.get(work.file.fid)
    const replica = state && replicaIn(state, entry)
    if (state === undefined || replica === undefined) return
    const { fid, filename, head, hash } = work.file
    const line = { entry, fid, filename, before: work.replica.base, after: head }
    const put = (reason: string) => {
      const { native, base, fingerprint } = work.replica
      if (fingerprint === null) return
      trash.push({ key: op, entry, name: native, fid, version: base, size: versions.get(base ?? 0)?.size ?? 0, reason })
    }
    if (result.kind === 'later') {
      if (result.isDisplaced === true) put('replaced')
      if (state.file.head !== head) {
        this.supersede(fid, state.file.head)
        return
      }
      replica.blocked = result.reason
      replica.attempts = result.counts ? replica.attempts + 1 : replica.attempts
      replica.retryAtMs = this.#context.now() + result.afterMs
      const source = from && states.get(from.file.fid)
      const waiting = source && replicaIn(source, entry)
      if (waiting !== undefined) waiting.retryAtMs = replica.retryAtMs
      return
    }
    unblock(replica)
    replica.base = head
    if (result.kind === 'gone') {
      put('deleted')
      empty(replica)
      // One that should not hold the file any more does not have its newest version by not having it.
      if (!replica.owner && state.file.live) replica.base = null
      replica.unwanted = false
      journal.push({ ...line, op: 'removed' })
      return
    }
    if (from === undefined) put('replaced')
    Object.assign(replica, {
      native: result.file.name,
      hash,
      fingerprint: result.file.fingerprint,
      key: result.file.key ?? null,
    })
    const { resumed = 0 } = result
    const detail = resumed === 0 ? {} : { detail: JSON.stringify({ resumed }) }
    journal.push({ ...line, ...detail, op: from === undefined ? 'copied' : 'renamed' })
    for (const other of state.replicas) if (other.blocked === noSource) unblock(other)
    const old = from && states.get(from.file.fid)
    const oldReplica = old && replicaIn(old, entry)
    if (from === undefined || oldReplica === undefined) return
    empty(oldReplica)
    unblock(oldReplica)
    oldReplica.base = from.file.head
  }
}

/** Grows from a second to `longestMs`, with full jitter. */
export function backoffMs(attempts: number, longestMs: number): number {
  return Math.min(longestMs, 1_000 * 2 ** Math.min(attempts, 20)) * (0.25 + Math.random() * 0.75)
}
