/** Ends the block of a move when its time is over, whatever happened to the process or server that should have done so. */
import { z } from 'zod'
import type { Instance, InstanceAdministration } from '../instances/service.ts'
import type { JobQueue, Worker } from '../jobs/service.ts'
import { endOfBlock, moveBlock, unblock } from './timed-block.ts'

const worker = 'move-deadline'
const Message = z.object({ move: z.string() })
/** Milliseconds for one look: the other server is asked once. */
const timeout = 120

export interface BlockWatch {
  /** Begins to watch the block of a move that is about to be made. */
  begin(instance: Instance, id: string): Promise<void>
}

export interface BlockWatchOptions {
  readonly jobs: JobQueue
  /** Milliseconds that a block lasts without progress. */
  readonly maxMs: number
}

/** The deadline is acted on a little before: the block must hold until the other server was asked. */
function leadMs(maxMs: number): number {
  return Math.min(30_000, maxMs / 10)
}

export function newBlockWatch({ jobs, maxMs }: BlockWatchOptions): BlockWatch {
  return {
    async begin({ prefix, domain }, id) {
      await jobs.push({ tenant: { prefix, domain }, worker, message: { move: id }, delayMs: maxMs - leadMs(maxMs) })
    },
  }
}

export interface DeadlineOptions extends BlockWatchOptions {
  readonly instances: Pick<InstanceAdministration, 'find' | 'update'>
  /** Ends the move with this id as one that took too long. False when the instance knows of no such move. */
  readonly giveUp: (instance: Instance, id: string) => Promise<boolean>
}

export function moveDeadlineWorker({ jobs, instances, giveUp, maxMs }: DeadlineOptions): Worker {
  return {
    name: worker,
    timeout,
    maxExecCount: 20,
    retryDelayMs: () => Math.min(60_000, maxMs),
    async run({ tenant, message, trusted }) {
      const parsed = Message.safeParse(message)
      if (!parsed.success || !trusted) return
      const { move: id } = parsed.data
      const instance = await instances.find(tenant.domain)
      if (instance.document['blocked_by'] !== moveBlock(id)) return
      const waitMs = endOfBlock(instance.document) - leadMs(maxMs) - Date.now()
      if (waitMs > 0) {
        // It made progress in the meantime.
        await jobs.push({ tenant, worker, message: { move: id }, delayMs: waitMs })
      } else if (!(await giveUp(instance, id))) await unblock(instances, instance.domain, moveBlock(id))
    },
  }
}
