/** What becomes of a version that was installed and has not shown yet that it serves. */
import { basename } from 'node:path'
import type { Log } from '../../log.ts'
import type { Audit } from '../audit.ts'
import type { Hooks } from '../hooks.ts'
import type { Procedure, ProcedureState } from '../procedures.ts'
import type { Releases, Trial } from './releases.ts'

export interface TrialOptions {
  readonly releases: Releases
  readonly procedure: Procedure
  readonly hooks: Hooks
  readonly audit: Audit
  readonly log: Log
  /** The folder of the release that this process was started from; `undefined` when it is none. */
  readonly running: string | undefined
  readonly restart: () => Promise<boolean>
  readonly confirmSeconds: () => number
}

const maxBoots = 2
const probeEveryMs = 5_000

/**
 * Called at the start, before anything is served: ends a trial that failed. Resolves to the trial that this process is
 * on, which is to be probed when it serves.
 */
export async function takeUpTrial(options: TrialOptions): Promise<Trial | undefined> {
  const { releases, running } = options
  const trial = await releases.trial()
  if (trial === undefined) return undefined
  if (trial.phase === 'installing') {
    await giveUp(options, trial, 'The installation was interrupted because the server stopped')
    // The new version may be the one that was started: it was abandoned.
    if (running !== undefined && basename(running) === trial.to) await options.restart()
    return undefined
  }
  if (running === undefined || basename(running) !== trial.to) {
    await giveUp(options, trial, `Version ${trial.to} did not start; the previous version is serving again`)
    return undefined
  }
  const counted = await releases.countBoot(trial)
  if (counted.boots <= maxBoots) return counted
  await giveUp(options, trial, `Version ${trial.to} was started ${maxBoots} times and never confirmed`)
  await options.restart()
  return undefined
}

/** Called when everything is served: asks again and again whether all is well, and confirms or goes back. */
export async function probeTrial(
  options: TrialOptions,
  trial: Trial,
  probe: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { releases, procedure, hooks } = options
  const until = Date.now() + options.confirmSeconds() * 1000
  try {
    do {
      await probe()
      await pause(Math.min(probeEveryMs, Math.max(0, until - Date.now())), signal)
      if (signal.aborted) return
    } while (Date.now() < until)
  } catch (error) {
    options.log.error('the new version does not serve', { version: trial.to, error })
    await giveUp(options, trial, `Version ${trial.to} does not serve; going back`)
    await options.restart()
    return
  }
  await releases.confirm(trial)
  await hooks.run('update-confirm', { job: trial.job, input: { version: trial.to } })
  await procedure.log.line(`Version ${trial.to} is confirmed`)
  await procedure.log.line('Updating system successful')
  await conclude(procedure, trial, { status: 'success', percentage: 100 })
}

async function giveUp(options: TrialOptions, trial: Trial, message: string): Promise<void> {
  const { releases, procedure, audit, hooks } = options
  await releases.goBack(trial)
  await hooks.run('update-rollback', { job: trial.job, input: { from: trial.to, to: trial.from } })
  await audit.write({ action: 'update.rollback', target: trial.to, job: trial.job })
  await procedure.log.line(message)
  await procedure.log.line('Failed updating system. Cleaning up..')
  await conclude(procedure, trial, { status: 'failed', message, code: 'E1002' })
}

async function conclude(
  procedure: Procedure,
  { job }: Trial,
  end: Partial<ProcedureState> & Pick<ProcedureState, 'status'>,
): Promise<void> {
  const before = procedure.state ?? { job, started: Date.now() }
  await procedure.conclude({ ...before, ...end, ended: Date.now() })
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
