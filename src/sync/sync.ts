/**
 * Synchronisation as the rest of Hearth sees it. Every process serves the API; one of them leads and runs the engine.
 * Whoever does not lead sends commands to the one that does, and takes over when it is gone.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Lead, SyncStore } from '../../storage/sync/contract.ts'
import { Alarm } from '../documents/alarm.ts'
import type { Log } from '../log.ts'
import { answerOf, type Command, type EntryGiven, readAnswer } from './commands.ts'
import type { DriverKind } from './drivers/contract.ts'
import { Engine } from './engine/engine.ts'
import type { Rule } from './engine/rules.ts'
import { type Timing, usualTiming } from './engine/timing.ts'
import { noLeader, timedOut } from './problems.ts'
import type { Seal } from './seal.ts'

export interface SyncOptions {
  readonly store: SyncStore
  readonly log: Log
  readonly kinds: readonly DriverKind[]
  readonly seal: Seal
  /** What this machine is called: folders belong to one. */
  readonly machine: string
  /** Folders below which entries of the API may lie. */
  readonly roots: readonly string[]
  /** Folders of Hearth's own. */
  readonly ownFolders: readonly string[]
  /** For the first start. */
  readonly entries: readonly EntryGiven[]
  readonly rules: readonly Rule[]
  readonly timing?: Partial<Timing>
}

export interface Sync {
  /** For reading. */
  readonly store: SyncStore
  readonly kinds: ReadonlyMap<string, DriverKind>
  readonly seal: Seal
  /** Has the leader do something. @throws Problem what it refuses; 503 when there is no leader, 408 when it takes too long */
  run(command: Command): Promise<unknown>
  /** Resolves when this process leads and has begun, or somebody else leads. */
  readonly begun: Promise<void>
  close(): Promise<void>
}

/** Milliseconds between two attempts to lead. */
const leadEveryMs = 500
/** Commands are looked for without having been notified, in case a notification was lost: well within `answerMs`. */
const commandsEveryMs = 10_000
/** What a command may take beyond the engine's own limit. */
const answerMs = 32_000

export function openSync(options: SyncOptions): Sync {
  const { store, log } = options
  const stopping = new AbortController()
  let engine: Engine | undefined
  let begin: () => void = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const kinds = new Map(options.kinds.map((kind) => [kind.name, kind]))

  async function lead(): Promise<void> {
    while (!stopping.signal.aborted) {
      const taken = await store.tryLead(`pid ${process.pid}`).catch((error: unknown) => {
        log.warning('the lead of the synchronisation cannot be asked for', { error })
        return undefined
      })
      if (taken === undefined) {
        begin()
        await rest(leadEveryMs)
        continue
      }
      try {
        await leadWith(taken)
      } catch (error) {
        if (!stopping.signal.aborted) log.error('the synchronisation stopped', { error })
        await rest(leadEveryMs)
      } finally {
        begin()
        await engine?.close()
        engine = undefined
        await taken.release()
      }
    }
  }

  async function leadWith(taken: Lead): Promise<void> {
    const timing = { ...usualTiming, ...options.timing }
    const { roots, ownFolders, seal, machine } = options
    const leading = new Engine({ store, epoch: taken.epoch, log, timing, seal, machine, kinds, roots, ownFolders })
    log.info('this process leads the synchronisation', { epoch: taken.epoch })
    try {
      await leading.start()
      if (await store.isUnseeded()) await seed(leading, taken.epoch)
    } catch (error) {
      await leading.close()
      throw error
    }
    engine = leading
    begin()
    const running = new Set<Promise<void>>()
    const alarm = new Alarm()
    const unwatch = store.watchCommands(alarm.ring)
    for (const signal of [taken.lost, stopping.signal]) signal.addEventListener('abort', alarm.ring)
    try {
      while (!taken.lost.aborted && !stopping.signal.aborted) {
        alarm.clear()
        for (const { id, command } of await store.takeCommands()) {
          const run = answerOf(() => leading.run(JSON.parse(command) as Command))
            .then((answer) => store.answer(id, answer))
            .catch((error: unknown) => log.error('a command failed', { error }))
          running.add(run)
          void run.finally(() => running.delete(run))
        }
        await alarm.wait(commandsEveryMs)
      }
    } finally {
      unwatch()
      stopping.signal.removeEventListener('abort', alarm.ring)
    }
    await Promise.all(running)
  }

  /** What the configuration says, once. What it says wrongly is told and left out. */
  async function seed(leading: Engine, epoch: number): Promise<void> {
    for (const entry of options.entries) {
      await leading.run({ kind: 'create-entry', entry, trusted: true }).catch((error: unknown) => {
        log.error('an entry of the configuration cannot be used', { entry: entry.name, error })
      })
    }
    if (options.rules.length > 0) {
      try {
        await leading.run({ kind: 'put-rules', rules: options.rules, ifMatch: undefined })
        await leading.run({ kind: 'reload-rules', dryRun: false })
      } catch (error) {
        log.error('the rules of the configuration cannot be used', { error })
      }
    }
    await store.setSeeded(epoch)
  }

  async function rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: stopping.signal }).catch(() => {})
  }

  const loop = lead()

  return {
    store,
    kinds,
    seal: options.seal,
    begun,
    async run(command) {
      if (engine !== undefined) return engine.run(command)
      if (!(await store.hasLeader())) throw noLeader()
      const answer = await store.send(JSON.stringify(command), answerMs)
      if (answer === undefined) throw (await store.hasLeader()) ? timedOut() : noLeader()
      return readAnswer(answer)
    },
    async close() {
      stopping.abort()
      await loop
      await store.close()
    },
  }
}
