/** One entry's life: opened, recognised, watched, scanned, and closed again. Transitions come one after the other. */
import { randomUUID } from 'node:crypto'
import type { StoredEntry } from '../../../storage/sync/contract.ts'
import type { Driver, DriverKind } from '../drivers/contract.ts'
import { DriverError, driverCode } from '../drivers/error.ts'
import { bandwidthOf } from './bandwidth.ts'
import { Carrier, type RunningTransfer } from './carrier.ts'
import type { EngineContext, EntryMode, OwnEntry, Totals } from './context.ts'
import { Observer } from './observer.ts'
import { recoverIntents } from './recovery.ts'
import { noSource } from './transfer.ts'
import { verifyReplica } from './verify.ts'

/** `degraded`: wanted, and its place does not answer. */
export type RunnerState = 'stopped' | 'starting' | 'active' | 'degraded'

export interface RunnerOptions {
  readonly context: EngineContext
  readonly kind: DriverKind
  readonly entry: StoredEntry
  /** Its options were changed: it may be another place now, of which nothing is known then. */
  readonly mayBeElsewhere?: boolean
  /** With secrets in plain text. @throws DriverError `options` when they cannot be read */
  readonly options: () => Readonly<Record<string, unknown>>
  /** Keeps what changed of the entry. */
  readonly onEntry: (entry: StoredEntry) => Promise<void>
}

interface Open {
  readonly own: OwnEntry
  readonly observer: Observer
  readonly carrier: Carrier
  readonly stop: AbortController
  readonly ends: (() => void)[]
}

/** Failures in a row after which nothing is tried for a while. */
const failuresBeforePause = 5

export class Runner {
  readonly #options: RunnerOptions
  #entry: StoredEntry
  #open: Open | undefined
  #state: RunnerState = 'stopped'
  #turn: Promise<unknown> = Promise.resolve()
  #reopen: ReturnType<typeof setTimeout> | undefined
  readonly totals: Totals = { copiedFiles: 0, copiedBytes: 0, scanSeconds: null }
  #isScrubbing = false
  #isRecognised = false
  #failures = 0
  #attempts = 0
  #startedMs = 0
  #error = ''

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#entry = options.entry
  }

  get entry(): StoredEntry {
    return this.#entry
  }

  get mode(): EntryMode {
    return (JSON.parse(this.#entry.options) as { mode?: EntryMode }).mode
  }

  get state(): RunnerState {
    return this.#state
  }

  get isWanted(): boolean {
    return this.#state !== 'stopped'
  }

  get startedMs(): number {
    return this.#startedMs
  }

  /** Why it does not work, for people; empty when it does. */
  get trouble(): string {
    return this.#entry.held !== '' ? `held: ${this.#entry.held}` : this.#error
  }

  get transfers(): readonly RunningTransfer[] {
    return this.#open?.carrier.transfers ?? []
  }

  /** Nothing is being checked or done. */
  get isQuiet(): boolean {
    return this.#open === undefined || (this.#open.observer.isQuiet && this.#open.carrier.isQuiet)
  }

  /** For reading from it; not while it is held, when it may be another place. */
  get own(): OwnEntry | undefined {
    return this.#entry.held === 'identity' ? undefined : this.#open?.own
  }

  /** @throws DriverError `options` when it can never work; anything else is tried again later */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state !== 'stopped') return
      this.#state = 'starting'
      try {
        await this.#tryOpen()
      } catch (error) {
        this.#state = 'stopped'
        if (error instanceof DriverError) this.#error = error.message
        throw error
      }
    })
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      clearTimeout(this.#reopen)
      await this.#close()
      this.#state = 'stopped'
    })
  }

  wake(): void {
    this.#open?.carrier.wake()
  }

  supersede(fid: string, head: number): void {
    this.#open?.carrier.supersede(fid, head)
  }

  hint(native: string): void {
    this.#open?.observer.hint(native)
  }

  /** Looks at everything now. */
  async scan(): Promise<void> {
    await this.#open?.observer.scan()
  }

  /** A user has reviewed what is on hold and confirms it. */
  async confirm(): Promise<string> {
    const { held } = this.#entry
    const observer = this.#open?.observer
    if (held === 'mass-deletion') {
      await this.#setHeld((observer?.heldChanges ?? 0) > 0 ? 'mass-change' : '')
      observer?.confirmDeletions()
    } else if (held === 'mass-change') {
      await this.#setHeld((observer?.heldDeletions ?? 0) > 0 ? 'mass-deletion' : '')
      observer?.confirmChanges()
    } else if (held === 'identity') {
      // Another place, or an emptied one: nothing is known of it, so nothing can have been deleted there.
      await forgetReplicas(this.#options.context, this.#entry.name)
      await this.#change({ token: '', held: '' })
      await this.#inTurn(async () => {
        await this.#close()
        await this.#tryOpen()
      })
    }
    return held
  }

  async verify(onProgress: (checked: number, wrong: number) => void): Promise<{ checked: number; wrong: number }> {
    const open = this.#open
    const { context } = this.#options
    let [checked, wrong, after] = [0, 0, '']
    for (;;) {
      const page = open === undefined ? [] : await context.store.known(this.#entry.name, after, 500)
      if (open === undefined || page.length === 0) return { checked, wrong }
      for (const { native } of page) {
        if (open.stop.signal.aborted) return { checked, wrong }
        checked += 1
        if (!(await verifyReplica(context, open.own, native))) wrong += 1
      }
      after = page.at(-1)?.native ?? ''
      onProgress(checked, wrong)
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => {})
    return run
  }

  async #tryOpen(): Promise<void> {
    const { kind, context } = this.#options
    const stop = new AbortController()
    let driver: Driver | undefined
    try {
      const options = this.#options.options()
      driver = await kind.open(options, { signal: stop.signal, trusted: this.#entry.trusted })
      await this.#recognise(driver)
      await this.#begin(driver, options, stop)
      this.#error = ''
      this.#attempts = 0
    } catch (error) {
      stop.abort()
      if (this.#open !== undefined) await this.#close()
      else await driver?.close().catch(() => {})
      if (driverCode(error) === 'options') throw error
      this.#state = 'degraded'
      this.#error = error instanceof DriverError ? error.message : 'the entry could not be opened'
      if (!(error instanceof DriverError))
        context.log.error('an entry could not be opened', { entry: this.#entry.name, error })
      this.#openLater()
    }
  }

  #openLater(): void {
    const { timing } = this.#options.context
    const wait = Math.min(timing.reopenMs * 2 ** Math.min(this.#attempts++, 6), timing.longestRetryMs)
    clearTimeout(this.#reopen)
    this.#reopen = setTimeout(() => {
      void this.#inTurn(async () => {
        if (this.#state !== 'degraded' || this.#open !== undefined) return
        await this.#tryOpen()
      }).catch((error: unknown) => {
        this.#error = error instanceof Error ? error.message : String(error)
        this.#openLater()
      })
    }, wait)
  }

  /** Compares the marker with what is known, and makes it when the place is new. */
  async #recognise(driver: Driver): Promise<void> {
    const found = await driver.identity()
    const { token, held } = this.#entry
    if (token === '') {
      const fresh = found ?? randomUUID()
      if (found === undefined) await driver.mark(fresh)
      await this.#change({ token: fresh })
      return
    }
    if (found === token) {
      if (held === 'identity') await this.#setHeld('')
      this.#isRecognised = true
      return
    }
    if (this.#options.mayBeElsewhere && !this.#isRecognised) {
      // Before it is marked: what is not there must not look deleted.
      await forgetReplicas(this.#options.context, this.#entry.name)
      const fresh = found ?? randomUUID()
      if (found === undefined) await driver.mark(fresh)
      await this.#change({ token: fresh, held: '' })
      this.#isRecognised = true
      return
    }
    await this.#setHeld('identity')
    throw new DriverError('unavailable', 'the marker of this entry is missing: is it mounted?')
  }

  async #begin(driver: Driver, options: Readonly<Record<string, unknown>>, stop: AbortController): Promise<void> {
    const { context, kind } = this.#options
    const ends: (() => void)[] = []
    const observe = () => observer
    const own: OwnEntry = {
      name: this.#entry.name,
      driver,
      velocity: kind.velocity,
      busy: new Set(),
      signal: stop.signal,
      bandwidth: bandwidthOf(options),
      hint: (native) => observe().hint(native),
      suspect: (native) => void verifyReplica(context, own, native).catch(() => {}),
      hold: async (why, detail) => {
        context.log.warning('an entry is held', { entry: own.name, why, detail })
        // Of two reasons the first stays: the other one is reported when this one is confirmed.
        if (this.#entry.held === '') await this.#setHeld(why)
      },
      failed: (error) => this.#failed(error),
      answered: () => {
        this.#failures = 0
      },
      mode: this.mode,
      totals: this.totals,
      held: () => this.#entry.held,
      isItself: () => this.#isItself(driver),
    }
    const observer = new Observer(context, own)
    const carrier = new Carrier(context, own)
    this.#open = { own, observer, carrier, stop, ends }
    this.#state = 'active'
    this.#failures = 0
    this.#startedMs = context.now()
    await recoverIntents(context, own)
    const work = await context.store.work({ entry: own.name, after: '', limit: 10_000 })
    await driver.sweepStages(new Set(work.map(({ file }) => `${file.fid}.${file.head}`)))
    // Watched before it is scanned, so that nothing falls between.
    const rescan = () => {
      observer.scan().catch((error: unknown) => this.#failed(error))
    }
    const unwatch = driver.watch?.((native) => observer.hint(native), rescan)
    if (unwatch !== undefined) ends.push(unwatch)
    this.#scanFirst(observer, carrier, stop.signal)
    const every = kind.rescanMs * context.timing.rescanFactor * (0.75 + Math.random() / 2)
    const timer = setInterval(() => {
      rescan()
      void this.emptyTrash().catch((error: unknown) => this.#failed(error))
    }, every)
    ends.push(() => clearInterval(timer))
    const scrubbing = setInterval(() => {
      void this.scrub().catch((error: unknown) => this.#failed(error))
    }, context.timing.scrubEveryMs)
    ends.push(() => clearInterval(scrubbing))
  }

  /** Reads the next few files and compares them, so many that all have had their turn within `check_days`. */
  async scrub(): Promise<void> {
    const { context } = this.#options
    const { name, held, scrubbed } = this.#entry
    const open = this.#open
    if (open === undefined || held !== '' || this.#isScrubbing) return
    this.#isScrubbing = true
    try {
      const { check_days: days = this.#options.kind.checkDays } = JSON.parse(this.#entry.options) as {
        check_days?: number
      }
      if (days === 0) return
      const share = context.timing.scrubEveryMs / (days * 86_400_000)
      const count = Math.ceil((await context.store.countHeld(name)) * share)
      const some = await context.store.known(name, scrubbed, Math.min(count, 10_000))
      for (const { native } of some) {
        if (open.stop.signal.aborted) return
        await verifyReplica(context, open.own, native)
      }
      await this.#change({ scrubbed: some.length < count ? '' : (some.at(-1)?.native ?? '') })
    } finally {
      this.#isScrubbing = false
    }
  }

  /** Work begins after a whole look; one that breaks off is repeated. */
  #scanFirst(observer: Observer, carrier: Carrier, signal: AbortSignal): void {
    const { context } = this.#options
    observer.scan().then(
      () => this.#nowKnown(carrier),
      (error: unknown) => {
        if (signal.aborted) return
        this.#failed(error)
        this.#nowKnown(carrier)
        setTimeout(() => {
          if (!signal.aborted) this.#scanFirst(observer, carrier, signal)
        }, context.timing.reopenMs).unref()
      },
    )
  }

  /** It can be written, and others can read from it. */
  #nowKnown(carrier: Carrier): void {
    const { context } = this.#options
    carrier.open()
    context.change((tx) => tx.retry(noSource)).then(context.wake, (error: unknown) => this.#failed(error))
  }

  async #isItself(driver: Driver): Promise<boolean> {
    const found = await driver.identity()
    if (found === this.#entry.token) return this.#entry.held !== 'identity'
    await this.#setHeld('identity')
    // Looked at again until it is back.
    void this.#inTurn(async () => {
      if (this.#open === undefined) return
      await this.#close()
      this.#state = 'degraded'
      this.#error = 'the marker of this entry is missing: is it mounted?'
      this.#openLater()
    })
    return false
  }

  #failed(error: unknown): void {
    const { context } = this.#options
    if (!(error instanceof DriverError)) {
      context.log.error('an entry failed', { entry: this.#entry.name, error })
      return
    }
    this.#error = error.message
    this.#failures += 1
    if (this.#failures < failuresBeforePause || this.#state !== 'active') return
    void this.#inTurn(async () => {
      if (this.#state !== 'active') return
      await this.#close()
      this.#state = 'degraded'
      this.#openLater()
    })
  }

  async #close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    if (open === undefined) return
    for (const end of open.ends) end()
    open.stop.abort()
    await open.carrier.close().catch(() => {})
    await open.observer.close()
    await open.own.driver.close().catch(() => {})
  }

  /** Removes what has lain in the trash for long enough. */
  async emptyTrash(): Promise<void> {
    const driver = this.#open?.own.driver
    if (driver === undefined) return
    const { store, timing, change } = this.#options.context
    for (const content of await store.trashDue(this.#entry.name, timing.trashMs, 500)) {
      await driver.purge(content)
      await change((tx) => tx.save({ untrash: [content.key] }))
    }
  }

  #setHeld(held: string): Promise<void> {
    return this.#entry.held === held ? Promise.resolve() : this.#change({ held })
  }

  async #change(changes: Partial<StoredEntry>): Promise<void> {
    this.#entry = { ...this.#entry, ...changes }
    await this.#options.onEntry(this.#entry)
  }

  /** Keeps what a person wants of it. */
  setDesired(desired: StoredEntry['desired']): Promise<void> {
    return this.#change({ desired })
  }
}

/** Nothing is known any more of what an entry holds. */
async function forgetReplicas(context: EngineContext, entry: string): Promise<void> {
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const last = await context.change(async (tx) => {
      const states = await tx.filesAfter(after, 500)
      const touched = states.filter(({ replicas }) => replicas.some((replica) => replica.entry === entry))
      for (const { file, replicas } of touched) {
        const replica = replicas.find((one) => one.entry === entry)
        if (replica === undefined) continue
        const base = file.live ? null : file.head
        Object.assign(replica, { base, hash: null, fingerprint: null, key: null, blocked: null, retryAtMs: null })
      }
      await tx.save({ files: touched })
      return states.at(-1)?.file.fid
    })
    if (last === undefined) return
    after = last
  }
}
