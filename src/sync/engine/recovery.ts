/** After a crash: finds out what became of what was about to be done. */
import type { IntentRow } from '../../../storage/sync/contract.ts'
import type { EngineContext, OwnEntry } from './context.ts'
import { empty, replicaIn } from './decide.ts'
import { contentOf } from './hashing.ts'

/** Settles all intents of an entry. What someone else did in the meantime is left to the next scan. */
export async function recoverIntents(context: EngineContext, entry: OwnEntry): Promise<void> {
  for (const intent of await context.store.intents()) {
    if (intent.entry === entry.name) await recover(context, entry, intent)
  }
}

async function recover(context: EngineContext, entry: OwnEntry, intent: IntentRow): Promise<void> {
  const { op, fid, native, version: id } = intent
  const seen = await entry.driver.stat(native)
  const isTrashed = await entry.driver.isTrashed({ key: op, name: native })
  const [version] = await context.store.versions([id])
  const found = seen?.kind === 'file' ? seen.file : undefined
  const content =
    found !== undefined && version?.hash != null && found.size === version.size
      ? await contentOf(entry.driver, found, entry.signal).catch(() => undefined)
      : undefined
  const isPut = content !== undefined && content.hash === version?.hash
  const isDeleted = intent.kind === 'delete' && seen === undefined
  await context.change(async (tx) => {
    const [state] = await tx.files([fid])
    const replica = state && replicaIn(state, entry.name)
    const before = replica?.base ?? null
    if (replica !== undefined && isPut && found !== undefined) {
      const { fingerprint, key = null } = found
      Object.assign(replica, { base: id, hash: content.hash, fingerprint, key })
    }
    if (replica !== undefined && isDeleted) {
      empty(replica)
      replica.base = replica.owner || !state?.file.live ? id : null
    }
    const size = intent.size
    const reason = intent.kind === 'delete' ? 'deleted' : 'replaced'
    const trash = isTrashed ? [{ key: op, entry: entry.name, name: native, fid, version: before, size, reason }] : []
    await tx.save({ files: state === undefined ? [] : [state], trash, intentsDone: [op] })
  })
}
