/** Restarting the machine, after what is kept of it has been made safe. */
import type { Log } from '../log.ts'
import type { Hooks } from './hooks.ts'
import type { Procedure } from './procedures.ts'

export interface Reboot {
  /** Whether the machine may restart now: a sentence for the person who asked, when it may not. */
  refusal(): string | undefined
  /** Begins a moment later, so that the answer to the request gets out first. */
  begin(): void
}

export interface RebootOptions {
  readonly hooks: Hooks
  readonly log: Log
  /** Procedures that must not be cut. */
  readonly update: Procedure
  readonly restore: Procedure
  readonly delayMs?: number
}

/** Opens the restart. Without a hook it is only logged: Hearth itself never touches the machine. */
export function openReboot({ hooks, log, update, restore, delayMs = 1_000 }: RebootOptions): Reboot {
  let begun = false
  async function run(): Promise<void> {
    const before = await hooks.run('backup-pre', { input: { for: 'reboot' } })
    if (before?.outcome === 'failed') log.error('the hook before a reboot failed', { reason: before.message })
    const result = await hooks.run('reboot', { input: {} })
    if (result === undefined) log.warning('a reboot was asked for and there is no hook that does it')
    else if (result.outcome === 'failed') log.error('the reboot failed', { reason: result.message })
  }
  return {
    refusal() {
      if (restore.isBusy) return 'A restore is running'
      const { percentage = 0, status } = update.state ?? {}
      return status === 'running' && percentage >= 70 && percentage <= 80 ? 'An update is being installed' : undefined
    },
    begin() {
      if (begun) return
      begun = true
      setTimeout(() => {
        void run()
          .catch((error: unknown) => log.error('the reboot failed', { error }))
          .finally(() => {
            begun = false
          })
      }, delayMs)
    },
  }
}
