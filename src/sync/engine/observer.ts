/**
 * Scans an entry: names from hints, and everything periodically. Hints are never trusted, they only cause a
 * check; a file becomes an observation when its content is known and it is no longer being written.
 */
import type { IssueRow, ReplicaRow } from '../../../storage/sync/contract.ts'
import { inParallel } from '../../platform/parallel.ts'
import type { FileRecord, Listed } from '../drivers/contract.ts'
import { driverCode } from '../drivers/error.ts'
import { reachSync } from '../failpoints.ts'
import { canonicalName, isIgnored, nameFault } from '../names.ts'
import { acceptAll } from './acceptance.ts'
import type { EngineContext, OwnEntry } from './context.ts'
import type { Observation, Outcome } from './decide.ts'
import { contentOf } from './hashing.ts'
import { isMassChange, Overwritten } from './mass-change.ts'
import { isMassDeletion, Missing } from './mass-deletion.ts'
import { giveAnotherName, setAside } from './set-aside.ts'

const batchSize = 256
const looksAtOnce = 16
const readsAtOnce = 4
const knownPage = 2_000
const holdersTried = 4
const notTaken = 'nothing is taken from this entry'

export class Observer {
  readonly #context: EngineContext
  readonly #entry: OwnEntry
  readonly #missing: Missing
  readonly #hints = new Set<string>()
  /** Names of files that may still be being written: each may be a missing one under its new name. */
  readonly #unsettled = new Set<string>()
  #deferredSince: number | undefined
  /** Deletions that wait for a person. */
  readonly #held = new Set<string>()
  /** Deletions that a user has confirmed. */
  readonly #confirmed = new Set<string>()
  readonly #overwritten: Overwritten
  /** Problems found by the current full scan; each scan reports all that still exist. */
  #faulty: Set<string> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #scanning: Promise<void> | undefined
  #running: Promise<void> = Promise.resolve()
  #pending = 0

  constructor(context: EngineContext, entry: OwnEntry) {
    this.#context = context
    this.#entry = entry
    this.#missing = new Missing({
      timing: context.timing,
      onDue: (natives) => this.#inTurn(() => this.#delete(natives)),
    })
    this.#overwritten = new Overwritten(context.timing)
  }

  /** True when nothing waits to be checked. */
  get isQuiet(): boolean {
    return this.#hints.size === 0 && this.#missing.names.size === 0 && this.#pending === 0
  }

  get heldDeletions(): number {
    return this.#held.size
  }

  get heldChanges(): number {
    return this.#overwritten.waiting
  }

  hint(native: string, afterMs = this.#context.timing.hintMs): void {
    if (this.#entry.signal.aborted) return
    this.#hints.add(native)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#inTurn(() => this.#look())
    }, afterMs)
  }

  /** Looks at everything. Resolves when all that was new is accepted; deletions come later. */
  scan(): Promise<void> {
    // One that has not begun yet will see all that this one would.
    this.#scanning ??= this.#inTurn(() => {
      this.#scanning = undefined
      return this.#scan()
    })
    return this.#scanning
  }

  /** A person says that a mass of changes is meant. */
  confirmChanges(): void {
    for (const native of this.#overwritten.allow()) this.hint(native)
  }

  /** A person says that a mass of deletions is meant. */
  confirmDeletions(): void {
    this.#confirmed.clear()
    for (const native of this.#held) {
      this.#confirmed.add(native)
      this.#missing.add(native)
    }
    this.#held.clear()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#missing.close()
    await this.#running
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#pending += 1
    const run = this.#running.then(async () => {
      try {
        if (!this.#entry.signal.aborted) await work()
      } finally {
        this.#pending -= 1
      }
    })
    this.#running = run.catch((error: unknown) => this.#failed(error))
    return run
  }

  #failed(error: unknown): void {
    if (this.#entry.signal.aborted) return
    this.#entry.failed(error)
  }

  async #look(): Promise<void> {
    const natives = [...this.#hints].slice(0, batchSize)
    for (const native of natives) {
      this.#hints.delete(native)
      this.#unsettled.delete(native)
    }
    const files: FileRecord[] = []
    const issues: IssueRow[] = []
    const gone: { entry: string; native: string }[] = []
    const { driver, name: entry, busy } = this.#entry
    try {
      await inParallel(looksAtOnce, natives, async (native) => {
        if (busy.has(native)) return this.hint(native)
        const seen = await driver.stat(native)
        if (seen?.kind !== 'odd') gone.push({ entry, native })
        if (seen === undefined) return this.#isGone(native)
        if (seen.kind === 'file') files.push(seen.file)
        else if (seen.kind === 'odd') issues.push({ entry, native, reason: seen.reason })
        else await this.#lookBelow(native, files, issues)
      })
    } catch (error) {
      for (const native of natives) this.hint(native, this.#context.timing.reopenMs)
      throw error
    }
    if (issues.length + gone.length > 0) await this.#context.change((tx) => tx.save({ issues, issuesGone: gone }))
    for (let at = 0; at < files.length; at += batchSize) await this.#consider(files.slice(at, at + batchSize))
    if (this.#hints.size > 0) this.hint([...this.#hints][0] ?? '', 0)
  }

  /** A name at which nothing is: perhaps a file that is known, perhaps a folder of such. */
  async #isGone(native: string): Promise<void> {
    const { store } = this.#context
    const [known] = await store.replicas(this.#entry.name, [native])
    if (known !== undefined && known.replica.fingerprint !== null) this.#missing.add(native)
    for (const below of await store.knownBelow(this.#entry.name, native)) this.#missing.add(below.native)
  }

  async #lookBelow(folder: string, files: FileRecord[], issues: IssueRow[]): Promise<void> {
    const { driver, name: entry } = this.#entry
    const gone = new Set((await this.#context.store.knownBelow(entry, folder)).map(({ native }) => native))
    for await (const page of driver.list(folder)) {
      for (const listed of page) {
        if (listed.kind === 'file') {
          gone.delete(listed.file.name)
          files.push(listed.file)
        } else {
          issues.push({ entry, native: listed.name, reason: listed.reason })
          for (const native of gone)
            if (native === listed.name || native.startsWith(`${listed.name}/`)) gone.delete(native)
        }
      }
    }
    for (const native of gone) this.#missing.add(native)
    await this.#isGone(folder)
  }

  /** Compares everything that lies in the place with everything that is known of it, both in the order of their bytes. */
  async #scan(): Promise<void> {
    const { name: entry, driver, signal } = this.#entry
    if (!(await this.#entry.isItself())) return
    const began = performance.now()
    this.#faulty = new Set()
    const known = new KnownNames(this.#context, entry)
    const hidden = new Set<string>()
    const issues: IssueRow[] = []
    const before = await this.#context.store.issues(entry)
    let files: FileRecord[] = []
    const missing: string[] = []
    const passOver = async (until: string | undefined) => {
      for (let next = await known.peek(); next !== undefined; next = await known.peek()) {
        if (until !== undefined && compareBytes(next.native, until) >= 0) return
        if (!isHidden(next.native, hidden)) missing.push(next.native)
        known.pop()
      }
    }
    for await (const page of driver.list()) {
      signal.throwIfAborted()
      for (const listed of page) {
        const name = nameOf(listed)
        await passOver(name)
        const same = await known.peek()
        const isKnown = same?.native === name
        if (isKnown) known.pop()
        if (listed.kind === 'odd') {
          issues.push({ entry, native: name, reason: listed.reason })
          if (listed.hidesBelow) hidden.add(name)
        } else if (!isKnown || same.fingerprint !== listed.file.fingerprint) files.push(listed.file)
        if (files.length < batchSize) continue
        await this.#consider(files)
        files = []
      }
    }
    await passOver(undefined)
    await this.#consider(files)
    // Only now is it sure that the listing was whole.
    for (const native of missing) this.#missing.add(native)
    const stays = new Set([...issues.map(({ native }) => native), ...this.#faulty])
    const issuesGone = before.filter(({ native }) => !stays.has(native))
    if (issues.length + issuesGone.length > 0) {
      await this.#context.change((tx) => tx.save({ issuesGone, issues: issues.slice(0, 10_000) }))
    }
    this.#entry.totals.scanSeconds = (performance.now() - began) / 1_000
  }

  /** Makes observations of files that are not what was known. */
  async #consider(records: readonly FileRecord[]): Promise<void> {
    const { name: entry, busy, driver } = this.#entry
    const { store, timing } = this.#context
    const files = records.filter((file) => !isIgnored(file.name))
    if (files.length === 0) return
    const known = new Map(
      (
        await store.replicas(
          entry,
          files.map(({ name }) => name),
        )
      ).map(({ replica }) => [replica.native, replica]),
    )
    const fresh: FileRecord[] = []
    const issues: IssueRow[] = []
    for (const file of files) {
      this.#missing.delete(file.name)
      this.#held.delete(file.name)
      this.#confirmed.delete(file.name)
      if (known.get(file.name)?.fingerprint === file.fingerprint) {
        this.#overwritten.forget(file.name)
        continue
      }
      if (this.#entry.mode === 'wo' && !known.has(file.name)) {
        issues.push({ entry, native: file.name, reason: notTaken })
      } else if (canonicalName(file.name) === undefined) {
        issues.push({ entry, native: file.name, reason: nameFault(file.name.normalize('NFC')) ?? 'a bad name' })
      } else if (busy.has(file.name)) this.hint(file.name)
      else if (!driver.capabilities.wholeFiles && this.#isUnsettled(file)) {
        this.#unsettled.add(file.name)
        this.hint(file.name, timing.settleMs)
      } else fresh.push(file)
    }
    const renamed = await this.#renames(fresh, known)
    const observations: Observation[] = []
    await inParallel(readsAtOnce, fresh, async (file) => {
      const seen = await this.#observe(file, known.get(file.name), renamed.get(file.name), issues)
      if (seen !== undefined) observations.push(seen)
    })
    await this.#tell(issues)
    const allowed = await this.#withoutMass(observations, known)
    if (allowed.length === 0) return
    await reachSync('look:read')
    await this.accept(allowed)
    await reachSync('look:accepted')
  }

  /** Leaves out new contents of known files when there are so many that a user has to confirm them. */
  async #withoutMass(
    observations: readonly Observation[],
    known: ReadonlyMap<string, ReplicaRow>,
  ): Promise<readonly Observation[]> {
    const isOverwritten = ({ native, found }: Observation) => {
      const before = known.get(native)
      if (found === undefined || before === undefined || before.hash === null) return false
      if (before.hash !== found.content.hash) return true
      this.#overwritten.forget(native)
      return false
    }
    const all = observations.filter(isOverwritten).map(({ native }) => native)
    const changed = this.#overwritten.withoutAllowed(all)
    if (changed.length === 0) return observations
    const count = this.#overwritten.add(changed)
    if (this.#overwritten.waiting === 0 && this.#entry.held() !== 'mass-change') {
      const held = await this.#context.store.countHeld(this.#entry.name)
      if (!isMassChange(count, held)) return observations
      await this.#entry.hold('mass-change', `${count} of ${held} files have other contents`)
    }
    this.#overwritten.keep(changed)
    const waiting = new Set(changed)
    return observations.filter(({ native }) => !waiting.has(native))
  }

  #isUnsettled({ changedMs }: FileRecord): boolean {
    if (changedMs === undefined) return false
    const age = this.#context.now() - changedMs
    // A time to come, other than the end of this second, says nothing: then the look itself, whose reading is checked, has to do.
    return age > -1_000 && age < this.#context.timing.settleMs
  }

  async #observe(
    file: FileRecord,
    known: ReplicaRow | undefined,
    renamed: ReplicaRow | undefined,
    issues: IssueRow[],
  ): Promise<Observation | undefined> {
    const { name: entry, driver, signal } = this.#entry
    const filename = canonicalName(file.name)
    if (filename === undefined) return undefined
    const other =
      known === undefined && filename !== file.name ? await this.#otherSpelling(filename, file.name) : undefined
    if (other === 'both') {
      issues.push({ entry, native: file.name, reason: 'the same name is there in another Unicode form' })
      return undefined
    }
    try {
      const content = await contentOf(driver, file, signal)
      const movedFrom =
        renamed !== undefined && renamed.hash === content.hash ? canonicalName(renamed.native) : undefined
      return { filename, native: file.name, found: { file, content }, movedFrom, respelt: other === 'gone' }
    } catch (error) {
      const code = driverCode(error)
      if (code === 'changed' || code === 'not_found') this.hint(file.name, this.#context.timing.settleMs)
      else if (code === 'permission') issues.push({ entry, native: file.name, reason: 'it may not be read' })
      else throw error
      return undefined
    }
  }

  /** Whether the file lies here under another spelling of the same name too. */
  async #otherSpelling(filename: string, native: string): Promise<'both' | 'gone' | undefined> {
    const detail = await this.#context.store.replicas(this.#entry.name, [filename, filename.normalize('NFD')])
    const other = detail.find(({ replica }) => replica.fingerprint !== null && replica.native !== native)
    if (other === undefined) return (await this.#entry.driver.stat(filename))?.kind === 'file' ? 'both' : undefined
    return (await this.#entry.driver.stat(other.replica.native)) === undefined ? 'gone' : 'both'
  }

  /** For files that are new: the name that the same file had, where it is not any more. By new name. */
  async #renames(
    files: readonly FileRecord[],
    known: ReadonlyMap<string, ReplicaRow>,
  ): Promise<ReadonlyMap<string, ReplicaRow>> {
    const found = new Map<string, ReplicaRow>()
    const fresh = files.filter(({ name, key }) => key !== undefined && (known.get(name)?.fingerprint ?? null) === null)
    const keys = fresh.flatMap(({ key }) => key ?? [])
    const holders = await this.#context.store.withKeys(this.#entry.name, keys)
    const taken = new Set<string>()
    for (const file of fresh) {
      const { busy, driver } = this.#entry
      const isFree = ({ native, key }: ReplicaRow) =>
        key === file.key && native !== file.name && !busy.has(native) && !taken.has(native)
      // Those of the same last name first; where many have one key, most of them are other files.
      const free = holders.filter(isFree).sort((a, b) => nearness(b, file.name) - nearness(a, file.name))
      for (const holder of free.slice(0, holdersTried)) {
        if ((await driver.stat(holder.native)) !== undefined) continue
        found.set(file.name, holder)
        taken.add(holder.native)
        break
      }
    }
    return found
  }

  /** Accepts observations; contents whose name is taken get another one. */
  async accept(observations: readonly Observation[]): Promise<void> {
    const { name: entry } = this.#entry
    const issues: IssueRow[] = []
    const outcomes = await acceptAll(this.#context, entry, observations)
    for (const [at, outcome] of outcomes.entries()) {
      const seen = observations[at]
      if (seen?.movedFrom !== undefined) this.#missing.delete(seen.movedFrom)
      if (seen === undefined || outcome.kind === 'same' || outcome.kind === 'accepted') continue
      const why = this.#refusal(outcome)
      if (why !== undefined) {
        issues.push({ entry, native: seen.native, reason: why })
        continue
      }
      try {
        if (outcome.kind === 'aside') await giveAnotherName(this.#context, this.#entry, seen)
        else if (outcome.kind !== 'refused') await setAside(this.#context, this.#entry, seen, outcome)
      } catch (error) {
        const code = driverCode(error)
        if (code === undefined || code === 'unavailable') throw error
        // It has changed again, or its neighbours have: another look decides again.
        this.hint(seen.native, this.#context.timing.settleMs)
      }
    }
    await this.#tell(issues)
  }

  async #tell(issues: readonly IssueRow[]): Promise<void> {
    if (issues.length === 0) return
    for (const { native } of issues) this.#faulty?.add(native)
    await this.#context.change((tx) => tx.save({ issues }))
  }

  /** Why something is left as it is in a one-way entry. */
  #refusal({ kind }: Outcome): string | undefined {
    if (kind === 'refused') return notTaken
    return this.#entry.mode === 'ro'
      ? 'another content has this name elsewhere, and this entry is only read'
      : undefined
  }

  /** Whether deletions should wait, though not for ever, for files that are not known yet. */
  #mayBeRenames(): boolean {
    const now = performance.now()
    const isLate = now - (this.#deferredSince ?? now) > this.#context.timing.longestQuietMs
    const mayBe = this.#unsettled.size > 0 && !isLate
    this.#deferredSince = mayBe ? (this.#deferredSince ?? now) : undefined
    return mayBe
  }

  async #delete(natives: readonly string[]): Promise<void> {
    const { name: entry, driver, busy } = this.#entry
    if (this.#mayBeRenames()) {
      for (const native of natives) this.#missing.add(native)
      return
    }
    if (!(await this.#entry.isItself())) return
    const known = new Map<string, string | null>()
    for (let at = 0; at < natives.length; at += knownPage) {
      const some = await this.#context.store.replicas(entry, natives.slice(at, at + knownPage))
      for (const { replica } of some) known.set(replica.native, replica.fingerprint)
    }
    const gone: string[] = []
    // One without a fingerprint was renamed, or its deletion is known.
    const held = natives.filter((native) => (known.get(native) ?? null) !== null)
    await inParallel(looksAtOnce, held, async (native) => {
      if (busy.has(native)) return this.hint(native)
      const seen = await driver.stat(native)
      if (seen === undefined || seen.kind === 'folder') gone.push(native)
      else if (seen.kind === 'file') this.hint(native)
    })
    // Asked again, since the place may have disappeared during the scan.
    if (gone.length === 0 || !(await this.#entry.isItself())) return
    const count = await this.#context.store.countHeld(entry)
    const all = gone.filter((native) => !this.#confirmed.has(native)).length + this.#held.size
    if (isMassDeletion(all, count)) {
      for (const native of gone) this.#held.add(native)
      await this.#entry.hold('mass-deletion', `${all} of ${count} files are gone`)
      return
    }
    for (let at = 0; at < gone.length; at += batchSize) {
      const some = gone.slice(at, at + batchSize)
      await this.accept(
        some.map((native) => ({ native, filename: canonicalName(native) ?? native, gone: known.get(native) ?? null })),
      )
      for (const native of some) this.#confirmed.delete(native)
    }
  }
}

/** What is known of an entry, page by page. */
class KnownNames {
  readonly #context: EngineContext
  readonly #entry: string
  #page: { native: string; fingerprint: string }[] = []
  #at = 0
  #last = ''
  #isEnd = false

  constructor(context: EngineContext, entry: string) {
    this.#context = context
    this.#entry = entry
  }

  async peek(): Promise<{ native: string; fingerprint: string } | undefined> {
    if (this.#at === this.#page.length && !this.#isEnd) {
      this.#page = await this.#context.store.known(this.#entry, this.#last, knownPage)
      this.#at = 0
      this.#isEnd = this.#page.length < knownPage
      this.#last = this.#page.at(-1)?.native ?? this.#last
    }
    return this.#page[this.#at]
  }

  pop(): void {
    this.#at += 1
  }
}

/** How much the names have in common: 1 with the same last segment. */
function nearness({ native }: ReplicaRow, name: string): number {
  return native.slice(native.lastIndexOf('/') + 1) === name.slice(name.lastIndexOf('/') + 1) ? 1 : 0
}

function nameOf(listed: Listed): string {
  return listed.kind === 'file' ? listed.file.name : listed.name
}

/** Whether a name or a folder above it is one of these. */
function isHidden(name: string, hidden: ReadonlySet<string>): boolean {
  if (hidden.size === 0) return false
  for (let at = name.length; at > 0; at = name.lastIndexOf('/', at - 1)) if (hidden.has(name.slice(0, at))) return true
  return false
}

/** The order of PostgreSQL's collation "C", which is that of the bytes in UTF-8. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
