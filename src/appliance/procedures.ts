/**
 * Procedures that run in the background, one run of each at a time. How far a run got is on disk at every step, so that a
 * process that is started after one that was killed knows what was going on.
 */
import { join } from 'node:path'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import { readJsonIfThere, writeDurably } from './durable-file.ts'
import { newJobId } from './job-id.ts'
import { newProcedureLog, type ProcedureLog } from './procedure-log.ts'

export type Status = 'running' | 'success' | 'failed'

/** What is known of the last run. */
export interface ProcedureState {
  readonly status: Status
  readonly percentage?: number | undefined
  readonly message?: string | undefined
  readonly code?: string | undefined
  readonly job: string
  /** Unix milliseconds. */
  readonly started: number
  readonly ended?: number | undefined
}

/** Why a run failed, for the person who started it. */
export class ProcedureFailure extends Error {
  override readonly name = 'ProcedureFailure'
  readonly code: string | undefined

  constructor(message: string, code?: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** Ends a run in this process without an end of the procedure: the next process concludes it. */
export class HandedOver extends Error {
  override readonly name = 'HandedOver'
}

/** A procedure that cannot start now. `code` is shown beside the message where clients expect one. */
export class BusyProblem extends Problem {
  readonly procedureCode: string | undefined

  constructor(reason: string, procedureCode?: string) {
    super('bad_request', reason)
    this.procedureCode = procedureCode
  }
}

/** One run. */
export interface Run {
  readonly job: string
  readonly log: ProcedureLog
  /** Aborted when the run is to stop. */
  readonly signal: AbortSignal
  /** Notes how far it is; never less than before. */
  progress(percentage: number): Promise<void>
}

export interface ProcedureOptions {
  readonly name: string
  /** Where states and logs are. */
  readonly stateFolder: string
  readonly logFile: string
  readonly tag: () => string
  /** Procedures that share one run no two of them at the same time. */
  readonly exclusion?: Exclusion | undefined
  /** The message when a run is requested during another one. */
  readonly busy: string
  readonly busyCode?: string | undefined
  /** Code and message of a run whose process ended in the middle. */
  readonly interruptedCode?: string | undefined
  /** Code of unforeseen failures. */
  readonly unforeseenCode?: string | undefined
  readonly log: Log
  /** Whether a run whose process ended continues in this one. */
  readonly goesOn?: ((state: ProcedureState) => Promise<boolean>) | undefined
  readonly onEnd?: ((state: ProcedureState) => Promise<void> | void) | undefined
}

/** Lets only one of several procedures run. */
export class Exclusion {
  holder: string | undefined
}

export class Procedure {
  readonly log: ProcedureLog
  #state: ProcedureState | undefined
  #queue = Promise.resolve()
  #reserved = false
  #running: Promise<void> | undefined
  #abort: AbortController | undefined

  readonly #options: ProcedureOptions

  private constructor(options: ProcedureOptions, state: ProcedureState | undefined) {
    this.#options = options
    this.log = newProcedureLog(options.logFile, options.tag)
    this.#state = state
  }

  /** Reads how the last run ended. One that was running has been interrupted, and failed. */
  static async open(options: ProcedureOptions): Promise<Procedure> {
    const state = ((await readJsonIfThere(fileOf(options))) ?? undefined) as ProcedureState | undefined
    const procedure = new Procedure(options, state)
    if (state?.status === 'running' && !(await options.goesOn?.(state))) {
      await procedure.log.line('The run was interrupted because the server stopped')
      await procedure.#change(() => ({
        ...state,
        status: 'failed',
        message: 'The run was interrupted because the server stopped',
        code: options.interruptedCode,
        ended: Date.now(),
      }))
    }
    return procedure
  }

  get state(): ProcedureState | undefined {
    return this.#state
  }

  get isBusy(): boolean {
    return this.#reserved
  }

  /**
   * Claims the next run; a claim must be started or released. Throws a BusyProblem while one is running, which is
   * left undisturbed.
   */
  async reserve(): Promise<void> {
    const { busy, busyCode, exclusion, name } = this.#options
    const other = exclusion?.holder
    if (this.#reserved || (other !== undefined && other !== name)) {
      const reason = this.#reserved ? busy : `The procedure ${other} is running; wait for its end`
      if (busyCode !== undefined && this.#reserved) await this.log.line(`${busyCode}: ${busy}`)
      throw new BusyProblem(reason, this.#reserved ? busyCode : undefined)
    }
    this.#reserved = true
    if (exclusion !== undefined) exclusion.holder = name
  }

  /** Releases the claim. */
  release(): void {
    this.#reserved = false
    if (this.#options.exclusion?.holder === this.#options.name) this.#options.exclusion.holder = undefined
  }

  /**
   * Begins the claimed run and resolves when its beginning is on disk; the work continues in the background. It fails with a
   * ProcedureFailure, or with anything else, which is logged and not shown.
   */
  async start(work: (run: Run) => Promise<void>, first: { percentage?: number } = {}): Promise<string> {
    const job = newJobId()
    const abort = new AbortController()
    this.#abort = abort
    try {
      await this.#change(() => ({ status: 'running', ...first, job, started: Date.now() }))
    } catch (error) {
      this.release()
      throw error
    }
    const run: Run = {
      job,
      log: this.log,
      signal: abort.signal,
      progress: (percentage) =>
        this.#change((state) => state && { ...state, percentage: Math.max(state.percentage ?? 0, percentage) }),
    }
    this.#running = this.#work(run, work)
    return job
  }

  /** Resolves when nothing is running. */
  async settled(): Promise<void> {
    await this.#running
  }

  /** Asks the run to stop and waits until it has. */
  async stop(): Promise<void> {
    this.#abort?.abort(new ProcedureFailure('The run was stopped'))
    await this.#running
  }

  /** Forgets the last run. */
  async forget(): Promise<void> {
    await this.#change(() => undefined)
  }

  /** Replaces what is known of the last run, for work that ends after a restart. */
  async conclude(state: ProcedureState): Promise<void> {
    await this.#change(() => state)
    await this.#options.onEnd?.(state)
  }

  async #work(run: Run, work: (run: Run) => Promise<void>): Promise<void> {
    // What is released once may have been claimed again by the next run.
    let released = false
    const release = () => {
      if (!released) this.release()
      released = true
    }
    let end: Pick<ProcedureState, 'status' | 'message' | 'code'> = { status: 'success' }
    try {
      await work(run)
    } catch (error) {
      if (error instanceof HandedOver) {
        this.#running = undefined
        return
      }
      const known = error instanceof ProcedureFailure
      if (!known) this.#options.log.error('a procedure failed', { procedure: this.#options.name, job: run.job, error })
      const message = known ? error.message : 'The procedure failed; the log of the server says why'
      end = { status: 'failed', message, code: known ? error.code : this.#options.unforeseenCode }
    }
    try {
      await this.#change((state) => {
        const percentage = end.status === 'success' && state?.percentage !== undefined ? 100 : state?.percentage
        return { ...(state ?? { job: run.job, started: Date.now() }), ...end, percentage, ended: Date.now() }
      }, release)
      if (this.#state !== undefined) await this.#options.onEnd?.(this.#state)
    } catch (error) {
      this.#options.log.error('the end of a procedure cannot be recorded', { procedure: this.#options.name, error })
    } finally {
      release()
    }
  }

  /** One change after the other. What is told is on disk; `then` runs in the same moment. */
  #change(make: (state: ProcedureState | undefined) => ProcedureState | undefined, then?: () => void): Promise<void> {
    this.#queue = this.#queue
      .catch(() => {})
      .then(async () => {
        const next = make(this.#state)
        await writeDurably(fileOf(this.#options), `${JSON.stringify(next ?? null)}\n`)
        this.#state = next
        then?.()
      })
    return this.#queue
  }
}

function fileOf({ stateFolder, name }: ProcedureOptions): string {
  return join(stateFolder, `${name}.json`)
}
