/** Finds content that has rotted: other bytes under an unchanged fingerprint. It is set aside and comes back from elsewhere. */
import { randomUUID } from 'node:crypto'
import type { Work } from '../../../storage/sync/contract.ts'
import { driverCode } from '../drivers/error.ts'
import type { EngineContext, OwnEntry } from './context.ts'
import { empty, replicaIn } from './decide.ts'
import { contentOf } from './hashing.ts'

/** Reads a file that is known and compares it. False when it was wrong. */
export async function verifyReplica(context: EngineContext, entry: OwnEntry, native: string): Promise<boolean> {
  const [known] = await context.store.replicas(entry.name, [native])
  const seen = await entry.driver.stat(native)
  if (known === undefined || seen?.kind !== 'file' || seen.file.fingerprint !== known.replica.fingerprint) {
    // Someone changed it: that is not rot.
    entry.hint(native)
    return true
  }
  const { hash } = known.replica
  if (hash === null) return true
  try {
    const isRight = async () => (await contentOf(entry.driver, seen.file, entry.signal)).hash === hash
    // Read twice: what went wrong on the way only is right the second time.
    if ((await isRight()) || (await isRight())) return true
  } catch (error) {
    if (driverCode(error) !== 'changed' && driverCode(error) !== 'not_found') throw error
    entry.hint(native)
    return true
  }
  const others = (await context.store.sources([hash])).filter((source) => source.entry !== entry.name)
  const key = randomUUID()
  entry.busy.add(native)
  try {
    // Known before it is done: a file that is gone and still counts as held would be a deletion of all copies.
    await note(context, entry, known, { key, hasOthers: others.length > 0 })
    // Without another copy the wrong bytes are all there is.
    if (others.length > 0) {
      try {
        await entry.driver.remove(native, seen.file.fingerprint, { key, name: native })
      } catch (error) {
        const isTrashed = await entry.driver.isTrashed({ key, name: native }).catch(() => true)
        if (!isTrashed) await context.change((tx) => tx.save({ untrash: [key] }))
        throw error
      }
    }
  } finally {
    entry.busy.delete(native)
    entry.hint(native)
  }
  context.wake([entry.name])
  return false
}

async function note(
  context: EngineContext,
  entry: OwnEntry,
  known: Work,
  { key, hasOthers }: { readonly key: string; readonly hasOthers: boolean },
): Promise<void> {
  const { native } = known.replica
  await context.change(async (tx) => {
    const [state] = await tx.files([known.file.fid])
    const replica = state && replicaIn(state, entry.name)
    if (state === undefined || replica === undefined) return
    const { fid, filename, size } = state.file
    const line = { entry: entry.name, fid, filename, op: 'rotted', before: replica.base }
    if (!hasOthers) {
      replica.blocked = 'corrupt'
      await tx.save({ files: [state], journal: [{ ...line, detail: 'there is no other copy' }] })
      return
    }
    const row = { key, entry: entry.name, name: native, fid, version: replica.base, size, reason: 'rotted' }
    empty(replica)
    replica.base = null
    await tx.save({ files: [state], trash: [row], journal: [line] })
  })
}
