/**
 * The workers of a server, as their owner sees them: processes of the same program that share the public listener. One
 * that dies is replaced, at once at first and then with growing pauses.
 */
import cluster, { type Worker as Process } from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '../log.ts'
import { addEnded, type Counted, type Counts } from '../metrics-sum.ts'
import { StartupError } from '../model/startup-error.ts'
import { isCompiled } from '../platform/runtime.ts'
import { type Channel, ChannelError, newChannel, type Questions, type Start } from './channel.ts'
import { workerCommand } from './worker-command.ts'

/** Opening the store may wait for another process that migrates or repairs it. */
const startMs = 120_000
/** Requests get 5 s to finish, and the store a moment. */
const closeMs = 15_000
/** Only for a worker that hangs: the answer to who changed the instance waits so long. */
const forgetMs = 10_000
const countMs = 5_000
const aliveEveryMs = 5_000
/** A worker that is only busy answers again before so many questions have been lost. */
const maxSilent = 12
const firstPauseMs = 50
const lastPauseMs = 5_000
/** A worker that lived for so long begins again with its pauses. */
const steadyMs = 60_000

export interface CrewOptions {
  readonly count: number
  readonly log: Log
  /** Everything that workers receive, except their number. */
  readonly start: () => Omit<Start, 'worker'>
  /** A worker changed an instance. */
  readonly onInstancesChanged: () => void
}

export interface Crew {
  /** Starts all workers; resolves when they serve. @throws ChannelError when one of them cannot */
  begin(): Promise<void>
  /** Tells all workers that an instance changed; resolves when they know. Never rejects. */
  instancesChanged(): Promise<void>
  /** What the workers counted, also those that have ended. */
  counts(): Promise<readonly Counts[]>
  /** Workers answer 503 and hold nothing open while `work` runs. */
  whileClosed(work: () => Promise<void>): Promise<void>
  /** Lets every worker finish its requests, and ends what is left after `graceMs`. */
  stop(graceMs: number): Promise<void>
}

interface Place {
  readonly number: number
  process: Process | undefined
  channel: Channel | undefined
  serving: boolean
  silent: number
  pauseMs: number
  beganAt: number
  ended: Promise<void>
  /** What it counted when it was last asked. */
  counted: readonly Counted[]
}

/** Makes the crew; nothing is started. Once in a process. */
export function newCrew({ count, log, start, onInstancesChanged }: CrewOptions): Crew {
  if (!cluster.isPrimary) {
    throw new StartupError('workers: Hearth is itself a worker of another program here; set workers to 1')
  }
  // In the binary the first argument follows its own name, elsewhere that of the script. It has its options built in.
  const script = process.argv[1] ?? ''
  cluster.setupPrimary(
    isCompiled
      ? { exec: workerCommand, args: [], execArgv: [] }
      : { exec: script, args: [workerCommand], execArgv: process.execArgv },
  )
  const places = Array.from(
    { length: count },
    (_, at): Place => ({
      number: at + 1,
      process: undefined,
      channel: undefined,
      serving: false,
      silent: 0,
      pauseMs: firstPauseMs,
      beganAt: 0,
      ended: Promise.resolve(),
      counted: [],
    }),
  )
  let ended: readonly Counted[] = []
  let keeping: Promise<void> = Promise.resolve()
  let stopping = false
  let watching: ReturnType<typeof setInterval> | undefined
  /** Workers begin only while it is open. */
  let open: Promise<void> = Promise.resolve()

  const serving = () => places.filter((place) => place.serving)

  /** Asks those that serve; `undefined` from those that fail. */
  function askAll<Question extends keyof Questions>(
    question: Question,
    about: Questions[Question]['about'],
    patienceMs: number,
    asked: readonly Place[] = serving(),
  ): Promise<readonly (Questions[Question]['answer'] | undefined)[]> {
    return Promise.all(asked.map(({ channel }) => channel?.ask(question, about, patienceMs).catch(() => undefined)))
  }

  /** Starts one process, and resolves when it serves. */
  async function launch(place: Place): Promise<void> {
    await open
    if (stopping) return
    const child = cluster.fork()
    let isHearing: () => void = () => {}
    const hearing = new Promise<void>((resolve) => {
      isHearing = resolve
    })
    const channel = newChannel((message) => void child.send(message), {
      async hears() {
        isHearing()
        return null
      },
      async instancesChanged() {
        onInstancesChanged()
        const others = serving().filter((other) => other !== place)
        await askAll('instancesChanged', null, forgetMs, others)
        return null
      },
    })
    place.process = child
    place.channel = channel
    place.silent = 0
    place.beganAt = performance.now()
    child.on('message', (message: unknown) => channel.receive(message))
    place.ended = new Promise((resolve) => {
      child.on('error', (error) => {
        log.debug('worker', { worker: place.number, error })
        // It never began (the program is being replaced on the disk, memory is short), and there will be no `exit`.
        if (child.process.pid !== undefined) return
        channel.end(error.message)
        resolve()
      })
      child.once('exit', (code, signal) => {
        const served = place.serving
        place.serving = false
        channel.end()
        resolve()
        keepCounted(place)
        if (stopping || !served) return
        log.error('a worker has ended and is replaced', { worker: place.number, code, signal })
        void replace(place)
      })
    })
    // One that never hears is ended like one that never serves.
    await Promise.race([hearing, place.ended, pause(startMs, undefined, { ref: false })])
    await channel.ask('start', { ...start(), worker: place.number }, startMs)
    place.serving = true
    // Of what changed since its listener opened it was not told.
    void channel.ask('instancesChanged', null, forgetMs).catch(() => {})
  }

  /** One after the other: of two that end together, neither is lost. */
  function keepCounted(place: Place): void {
    const { counted } = place
    place.counted = []
    keeping = keeping
      .then(async () => {
        ended = await addEnded(ended, counted)
      })
      .catch((error: unknown) => log.warning('what a worker counted is lost', { worker: place.number, error }))
  }

  async function replace(place: Place): Promise<void> {
    while (!stopping) {
      if (performance.now() - place.beganAt > steadyMs) place.pauseMs = firstPauseMs
      await pause(place.pauseMs)
      place.pauseMs = Math.min(place.pauseMs * 2, lastPauseMs)
      if (stopping) return
      try {
        await launch(place)
        if (place.serving) log.info('a worker was replaced', { worker: place.number })
        return
      } catch (error) {
        place.process?.process.kill('SIGKILL')
        await place.ended
        if (!stopping) log.error('a worker could not be started', { worker: place.number, error })
      }
    }
  }

  /** A hanging worker holds connections that are never answered. */
  async function look(): Promise<void> {
    await Promise.all(
      serving().map(async (place) => {
        const { channel, process: child } = place
        try {
          await channel?.ask('alive', null, aliveEveryMs - 500)
          place.silent = 0
        } catch {
          place.silent += 1
          if (place.silent < maxSilent || place.process !== child) return
          log.error('a worker hangs and is ended', { worker: place.number })
          child?.process.kill('SIGKILL')
        }
      }),
    )
  }

  return {
    async begin() {
      const outcomes = await Promise.allSettled(places.map(launch))
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) {
        for (const place of places) {
          // It is not replaced: all begin again, or none.
          place.serving = false
          place.process?.process.kill('SIGKILL')
        }
        await Promise.all(places.map((place) => place.ended))
        throw failed.reason instanceof ChannelError ? failed.reason : new ChannelError(String(failed.reason))
      }
      watching = setInterval(() => void look(), aliveEveryMs)
      watching.unref()
    },
    async instancesChanged() {
      await askAll('instancesChanged', null, forgetMs)
    },
    async counts() {
      const asked = serving()
      const answers = await askAll('metrics', null, countMs, asked)
      for (const [at, place] of asked.entries()) {
        const answer = answers[at]
        if (Array.isArray(answer) && place.serving) place.counted = answer as Counted[]
      }
      await keeping
      const known = places.filter(({ counted }) => counted.length > 0)
      const all = known.map(({ number, counted }): Counts => ({ process: String(number), metrics: counted }))
      return ended.length === 0 ? all : [...all, { process: 'ended', metrics: ended }]
    },
    async whileClosed(work) {
      let reopen: () => void = () => {}
      open = new Promise((resolve) => {
        reopen = resolve
      })
      // Those that are just beginning are begun again afterwards.
      for (const place of places) if (!place.serving) place.process?.process.kill('SIGKILL')
      const closed = serving()
      const tell = (question: 'close' | 'open', patienceMs: number) =>
        Promise.all(
          closed.map(({ channel, process: child }) =>
            channel?.ask(question, null, patienceMs).catch(() => child?.process.kill('SIGKILL')),
          ),
        )
      await tell('close', closeMs)
      try {
        await work()
      } finally {
        reopen()
        await tell('open', startMs)
      }
    },
    async stop(graceMs) {
      stopping = true
      clearInterval(watching)
      for (const { process: child } of places) child?.process.kill('SIGTERM')
      const all = Promise.all(places.map((place) => place.ended))
      const late = new AbortController()
      await Promise.race([all, pause(graceMs, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
      for (const { process: child } of places) child?.process.kill('SIGKILL')
      await Promise.race([all, pause(500)])
    },
  }
}
