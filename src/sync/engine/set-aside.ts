/** Renames content that stands in the way, in the place itself; the bytes are never copied or lost. */
import { reachSync } from '../failpoints.ts'
import { conflictNames, fileId } from '../names.ts'
import { acceptAll } from './acceptance.ts'
import type { EngineContext, OwnEntry } from './context.ts'
import { newReplica, type Observation, type Outcome, replicaIn } from './decide.ts'

export async function setAside(
  context: EngineContext,
  entry: OwnEntry,
  seen: Observation,
  outcome: Extract<Outcome, { kind: 'conflict' | 'follow' }>,
): Promise<void> {
  const { found } = seen
  if (found === undefined) return
  const isFollowed = outcome.kind === 'follow' && (await follow(context, entry, seen, outcome.filename))
  if (isFollowed) return
  const target = await freeName(context, entry, seen.filename)
  const names = [seen.native, target]
  for (const name of names) entry.busy.add(name)
  try {
    const file = await entry.driver.move(seen.native, found.file.fingerprint, target)
    await reachSync('conflict:aside')
    await acceptAll(context, entry.name, [
      { filename: seen.filename, native: seen.native },
      { filename: target, native: target, found: { file, content: found.content }, conflictOf: fileId(seen.filename) },
    ])
    context.log.info('a file was set aside because its name was taken', { entry: entry.name })
  } finally {
    for (const name of names) entry.busy.delete(name)
    entry.hint(seen.native)
  }
}

/** In an entry to which is only written: what somebody made of a file stays there under another name, and the file comes back. */
export async function giveAnotherName(context: EngineContext, entry: OwnEntry, seen: Observation): Promise<void> {
  const { found } = seen
  if (found === undefined) return
  const target = await freeName(context, entry, seen.filename)
  entry.busy.add(seen.native)
  try {
    await entry.driver.move(seen.native, found.file.fingerprint, target)
    await acceptAll(context, entry.name, [{ filename: seen.filename, native: seen.native }])
  } finally {
    entry.busy.delete(seen.native)
    entry.hint(seen.native)
    entry.hint(target)
  }
}

/** Free in the entry, and no file anywhere. */
async function freeName(context: EngineContext, entry: OwnEntry, filename: string): Promise<string> {
  const { maxSegmentBytes } = entry.driver.capabilities
  for (const name of conflictNames(filename, entry.name, new Date(context.now()), maxSegmentBytes)) {
    if ((await context.store.file(fileId(name))) !== undefined) continue
    if ((await entry.driver.stat(name)) === undefined) return name
  }
  throw new Error('no free name was found')
}

/** Renames a changed file as it was renamed elsewhere. False when that name is taken here. */
async function follow(context: EngineContext, entry: OwnEntry, seen: Observation, filename: string): Promise<boolean> {
  const { found } = seen
  const target = await context.store.detail(fileId(filename))
  if (found === undefined || target === undefined) return false
  const native = replicaIn(target.state, entry.name)?.native ?? filename
  if ((await entry.driver.stat(native)) !== undefined) return false
  const names = [seen.native, native]
  for (const name of names) entry.busy.add(name)
  try {
    const file = await entry.driver.move(seen.native, found.file.fingerprint, native)
    await context.change(async (tx) => {
      const states = await tx.files([fileId(seen.filename), fileId(filename)])
      const from = states.find((state) => state.file.filename === seen.filename)
      const to = states.find((state) => state.file.filename === filename)
      const old = from && replicaIn(from, entry.name)
      if (to === undefined || old === undefined || old.hash === null) return
      const [base] = await tx.versionsOf([to.file.fid], [old.hash])
      let replica = replicaIn(to, entry.name)
      if (replica === undefined) {
        replica = newReplica(to.file.fid, entry.name, native)
        to.replicas.push(replica)
      }
      // It held what was renamed, under its new name.
      Object.assign(replica, { native, base: base?.id ?? null, hash: old.hash, fingerprint: 'renamed', key: null })
      await tx.save({ files: [to] })
    })
    await acceptAll(context, entry.name, [
      { filename: seen.filename, native: seen.native },
      { filename, native, found: { file, content: found.content } },
    ])
    return true
  } finally {
    for (const name of names) entry.busy.delete(name)
    entry.hint(native)
  }
}
