/** The engine of the process that leads: all entries, the rules in force, and the commands that people give. */
import type { FileState, StoredEntry, SyncStore } from '../../../storage/sync/contract.ts'
import type { Log } from '../../log.ts'
import { Problem } from '../../model/errors.ts'
import type { Command, EngineStatus, EntryGiven } from '../commands.ts'
import { DriverError } from '../drivers/error.ts'
import { checkEntryName, checkOptions, checkRoot, type EntryRules, rootOf } from '../entry-definition.ts'
import {
  alreadyRunning,
  alreadyStopped,
  entryNotFound,
  failedToStart,
  notRunning,
  timedOut,
  unacceptable,
} from '../problems.ts'
import { readRules } from '../rule-document.ts'
import type { Seal } from '../seal.ts'
import { ProcessStats } from '../stats.ts'
import { resolveConflict } from './conflicts.ts'
import { busyEntries, type EngineContext, ownersAmong } from './context.ts'
import { planRules } from './plan-rules.ts'
import type { RuleSet } from './rules.ts'
import { Runner } from './runner.ts'
import type { Timing } from './timing.ts'
import { purgeTrashed, restoreTrashed } from './trash.ts'
import { cancelWork, retryWork } from './work.ts'

export interface EngineOptions extends EntryRules {
  readonly store: SyncStore
  readonly epoch: number
  readonly log: Log
  readonly timing: Timing
  readonly seal: Seal
  /** Of this machine: what a folder belongs to. */
  readonly machine: string
  readonly now?: () => number
}

export class Engine {
  readonly #options: EngineOptions
  readonly #runners = new Map<string, Runner>()
  readonly #stats = new Map<string, ProcessStats>()
  readonly #context: EngineContext
  #rules: RuleSet = { rules: [] }
  #rulesTurn: Promise<unknown> = Promise.resolve()
  #entriesTurn: Promise<unknown> = Promise.resolve()

  constructor(options: EngineOptions) {
    this.#options = options
    const { store, epoch, log, timing, now = Date.now } = options
    this.#context = {
      store,
      epoch,
      log,
      timing,
      now,
      rules: () => this.#rules,
      entryNames: () => new Set(this.#runners.keys()),
      owners: (filename, origins, rules = this.#rules) => ownersAmong(this.#context, rules, filename, origins),
      modeOf: (entry) => this.#runners.get(entry)?.mode,
      running: (entry) => this.#runners.get(entry)?.own,
      wake: (entries) => {
        for (const entry of entries) this.#runners.get(entry)?.wake()
      },
      changed: (states) => this.#changed([...states]),
      change: (work) => store.change(epoch, work),
    }
  }

  /** Starts every entry that is wanted. One that cannot be opened is tried again later. */
  async start(): Promise<void> {
    const { store, log } = this.#options
    const { applied, planned } = await store.rules()
    this.#rules = JSON.parse(applied) as RuleSet
    for (const entry of await store.entries()) this.#add(entry)
    if (!planned) await this.#plan()
    await Promise.all(
      [...this.#runners.values()].map(async (runner) => {
        if (runner.entry.desired !== 'active') return
        await this.#startRunner(runner).catch((error: unknown) => {
          log.error('an entry does not start', { entry: runner.entry.name, error })
        })
      }),
    )
  }

  async close(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop().catch(() => {})))
  }

  /** True when no work can be done now. For tests. */
  async isQuiet(): Promise<boolean> {
    return [...this.#runners.values()].every((runner) => runner.isQuiet)
  }

  runner(name: string): Runner {
    const runner = this.#runners.get(name)
    if (runner === undefined) throw entryNotFound(name)
    return runner
  }

  /** Does what a command says. @throws Problem */
  async run(command: Command): Promise<unknown> {
    switch (command.kind) {
      case 'start':
        return this.#inTime(() => this.#start(this.runner(command.entry)))
      case 'stop':
        return this.#inTime(() => this.#stop(this.runner(command.entry)))
      case 'restart':
        return this.#inTime(() => this.#restart(this.runner(command.entry)))
      case 'stats':
        return this.#statsOf(this.runner(command.entry))
      case 'scan':
        return this.#scan(this.runner(command.entry))
      case 'confirm':
        return { confirmed: await this.runner(command.entry).confirm() }
      case 'check':
        return this.#check(this.runner(command.entry))
      case 'create-entry':
        return this.#inEntriesTurn(() => this.#create(command.entry, command.trusted))
      case 'change-entry':
        return this.#inEntriesTurn(() => this.#change(command.entry, command.trusted))
      case 'remove-entry':
        return this.#inEntriesTurn(() => this.#remove(command.entry))
      case 'put-rules':
        return this.#inRulesTurn(() => this.#putRules(command))
      case 'reload-rules':
        return this.#inRulesTurn(() => this.#reload(command.dryRun))
      case 'status':
        return this.#status()
      case 'retry':
        return retryWork(this.#context, command)
      case 'cancel':
        return cancelWork(this.#context, command)
      case 'resolve':
        return resolveConflict(this.#context, command.fid, command.keep)
      case 'restore':
        return restoreTrashed(this.#context, command.key)
      case 'purge':
        return purgeTrashed(this.#context, command.key)
    }
  }

  #changed(states: readonly FileState[]): void {
    for (const { file } of states) for (const runner of this.#runners.values()) runner.supersede(file.fid, file.head)
    for (const entry of busyEntries(states)) this.#runners.get(entry)?.wake()
  }

  #add(entry: StoredEntry, mayBeElsewhere = false): Runner | undefined {
    const kind = this.#options.kinds.get(entry.driver)
    if (kind === undefined) {
      this.#options.log.error('an entry has a driver that is not known', { entry: entry.name, driver: entry.driver })
      return undefined
    }
    const runner = new Runner({
      context: this.#context,
      kind,
      entry,
      mayBeElsewhere,
      options: () => this.#options.seal.open(entry.options, kind.secrets),
      onEntry: (changed) => this.#context.change((tx) => tx.putEntry(changed)),
    })
    this.#runners.set(entry.name, runner)
    return runner
  }

  async #startRunner(runner: Runner): Promise<void> {
    const { machine, name } = runner.entry
    if (machine !== '' && machine !== this.#options.machine) {
      throw failedToStart(name, 'its folder belongs to another machine')
    }
    try {
      await runner.start()
    } catch (error) {
      if (error instanceof DriverError) throw failedToStart(name, error.message)
      throw error
    }
  }

  async #start(runner: Runner): Promise<void> {
    if (runner.isWanted) throw alreadyRunning(runner.entry.name)
    await this.#startRunner(runner)
    await runner.setDesired('active')
  }

  async #stop(runner: Runner): Promise<void> {
    if (!runner.isWanted) throw alreadyStopped(runner.entry.name)
    await runner.stop()
    await runner.setDesired('stopped')
  }

  async #restart(runner: Runner): Promise<void> {
    if (!runner.isWanted) throw notRunning(runner.entry.name)
    await runner.stop()
    await this.#startRunner(runner)
  }

  /** If it takes too long, the transition continues. */
  async #inTime(work: () => Promise<void>): Promise<{ time: number }> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(timedOut()), this.#options.timing.transitionMs)
    })
    try {
      await Promise.race([work(), late])
      return { time: this.#context.now() / 1_000 }
    } finally {
      clearTimeout(timer)
    }
  }

  #statsOf(runner: Runner): unknown {
    const { name } = runner.entry
    if (!runner.isWanted) throw notRunning(name)
    const stats = this.#stats.get(name) ?? new ProcessStats()
    this.#stats.set(name, stats)
    const now = this.#context.now()
    return { info: stats.of(runner.startedMs || now, now), time: now / 1_000 }
  }

  async #scan(runner: Runner): Promise<unknown> {
    if (!runner.isWanted) throw notRunning(runner.entry.name)
    runner.scan().catch((error: unknown) => {
      this.#options.log.warning('a scan that was asked for failed', { entry: runner.entry.name, error })
    })
    return {}
  }

  async #check(runner: Runner): Promise<unknown> {
    if (runner.own === undefined) throw notRunning(runner.entry.name)
    const { name } = runner.entry
    void runner
      .verify(() => {})
      .then((found) => this.#context.change((tx) => tx.save({ journal: [checked(name, found)] })))
      .catch((error: unknown) => this.#options.log.warning('a check failed', { entry: name, error }))
    return {}
  }

  async #create(asked: EntryGiven, trusted: boolean): Promise<unknown> {
    const { name, driver } = asked
    checkEntryName(name)
    if (this.#runners.has(name)) throw new Problem('conflict', `entry ${name} exists already`)
    const { kind, options } = checkOptions(this.#options, asked)
    await this.#checkRoot(name, driver, options, trusted)
    const entry: StoredEntry = {
      name,
      driver,
      // As it was given, without defaults.
      options: this.#options.seal.close(asked.options, kind.secrets),
      desired: 'active',
      token: '',
      machine: driver === 'local_storage' ? this.#options.machine : '',
      held: '',
      trusted,
      scrubbed: '',
    }
    await this.#context.change(async (tx) => {
      await tx.putEntry(entry)
      await tx.setPlanned(false)
    })
    const runner = this.#add(entry)
    try {
      if (runner !== undefined) await this.#startRunner(runner)
    } catch (error) {
      await this.#forget(name)
      if (error instanceof Problem) throw unacceptable(error.reason)
      throw error
    }
    await this.#inRulesTurn(() => this.#plan())
    return {}
  }

  async #change(asked: EntryGiven, trusted: boolean): Promise<unknown> {
    const runner = this.runner(asked.name)
    const { entry } = runner
    if (entry.driver !== asked.driver) throw unacceptable('the driver of an entry cannot be changed: make another one')
    const { kind, options } = checkOptions(this.#options, asked)
    await this.#checkRoot(entry.name, entry.driver, options, trusted)
    const wasWanted = runner.isWanted
    await runner.stop()
    const changed = {
      ...runner.entry,
      options: this.#options.seal.close(asked.options, kind.secrets),
      trusted,
    }
    await this.#context.change(async (tx) => {
      await tx.putEntry(changed)
      await tx.setPlanned(false)
    })
    const next = this.#add(changed, true)
    if (wasWanted && next !== undefined) await this.#startRunner(next)
    await this.#inRulesTurn(() => this.#plan())
    return {}
  }

  async #checkRoot(
    name: string,
    driver: string,
    options: Readonly<Record<string, unknown>>,
    trusted: boolean,
  ): Promise<void> {
    const root = driver === 'local_storage' ? options['root'] : undefined
    if (typeof root !== 'string') return
    const others = [...this.#runners.values()].flatMap(({ entry }) => {
      const other = entry.name === name ? undefined : rootOf(entry)
      return other === undefined ? [] : [{ name: entry.name, root: other }]
    })
    await checkRoot(this.#options, root, others, trusted)
  }

  async #remove(name: string): Promise<unknown> {
    this.runner(name)
    const set = await this.#options.store.rules()
    const documents = [JSON.parse(set.pending), JSON.parse(set.applied)] as RuleSet[]
    const isNamed = documents.some(({ rules }) => rules.some(({ sync, ban = [] }) => [...sync, ...ban].includes(name)))
    if (isNamed) throw new Problem('conflict', `entry ${name} is named by the rules`)
    await this.#forget(name)
    return {}
  }

  async #forget(name: string): Promise<void> {
    await this.#runners.get(name)?.stop()
    this.#runners.delete(name)
    await this.#context.change((tx) => tx.removeEntry(name))
  }

  /** One after the other: two entries made at once must not get one name, or one folder. */
  #inEntriesTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#entriesTurn.then(work)
    this.#entriesTurn = run.catch(() => {})
    return run
  }

  #inRulesTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#rulesTurn.then(work)
    this.#rulesTurn = run.catch(() => {})
    return run
  }

  async #putRules({ rules: given, unsync, ifMatch }: Extract<Command, { kind: 'put-rules' }>): Promise<unknown> {
    const document = readRules(
      { rules: given, ...(unsync === undefined ? {} : { unsync }) },
      this.#context.entryNames(),
    )
    const { rev } = await this.#options.store.rules()
    if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== `"${rev}"`) {
      throw new Problem('precondition_failed', `the rules are at revision ${rev}`)
    }
    const pending = JSON.stringify(document)
    await this.#context.change((tx) => tx.putRules({ rev: rev + 1, pending }))
    return { rev: rev + 1 }
  }

  async #reload(dryRun: boolean): Promise<unknown> {
    const { pending, applied } = await this.#options.store.rules()
    const rules = JSON.parse(pending) as RuleSet
    if (dryRun) return { plan: await planRules(this.#context, rules, true) }
    if (pending === applied) return {}
    await this.#context.change(async (tx) => {
      await tx.putRules({ applied: pending })
      await tx.setPlanned(false)
    })
    this.#rules = rules
    await this.#plan()
    return {}
  }

  /** Brings all files under the rules in force. Cut short, it is done again at the next start. */
  async #plan(): Promise<void> {
    await planRules(this.#context, this.#rules, false)
    await this.#context.change((tx) => tx.setPlanned(true))
  }

  async #status(): Promise<EngineStatus> {
    const counts = new Map((await this.#options.store.counts()).map((one) => [one.entry, one]))
    const runners = [...this.#runners.values()].sort((a, b) => (a.entry.name < b.entry.name ? -1 : 1))
    return {
      entries: runners.map((runner) => {
        const { name, driver, held } = runner.entry
        const { held: files = 0, waiting = 0, blocked = 0 } = counts.get(name) ?? {}
        const state = held !== '' && runner.isWanted ? ('held' as const) : runner.state
        return { name, driver, state, trouble: runner.trouble, held: files, waiting, blocked, ...runner.totals }
      }),
      transfers: runners.flatMap((runner) =>
        runner.transfers.map(({ fid, filename, done, total }) => ({
          entry: runner.entry.name,
          fid,
          filename,
          done,
          total,
        })),
      ),
    }
  }
}

function checked(entry: string, { checked, wrong }: { checked: number; wrong: number }) {
  return { entry, fid: null, filename: '', op: 'checked', detail: JSON.stringify({ checked, wrong }) }
}
