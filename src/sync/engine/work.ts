/** What people may do with work that waits. */
import { fileNotFound } from '../problems.ts'
import type { EngineContext } from './context.ts'
import { replicaIn, unblock } from './decide.ts'

interface Named {
  readonly fid: string
  readonly entry: string
}

/** Tries it again at once. */
export async function retryWork(context: EngineContext, named: Named): Promise<unknown> {
  await change(context, named, false)
  context.wake([named.entry])
  return {}
}

/** It is not tried again until the file changes or a user asks for it. */
export async function cancelWork(context: EngineContext, named: Named): Promise<unknown> {
  await change(context, named, true)
  return {}
}

/** Far enough away to be never. */
const neverMs = 4_102_444_800_000

async function change(context: EngineContext, { fid, entry }: Named, isCancelled: boolean): Promise<void> {
  await context.change(async (tx) => {
    const [state] = await tx.files([fid])
    const replica = state && replicaIn(state, entry)
    if (state === undefined || replica === undefined) throw fileNotFound(fid)
    unblock(replica)
    if (isCancelled) Object.assign(replica, { blocked: 'cancelled', retryAtMs: neverMs })
    await tx.save({ files: [state] })
  })
}
