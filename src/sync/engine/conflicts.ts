/** A user decides which of two contents is the file. The loser lies in the trash of every entry that had it. */
import type { FileState, JournalRow, SyncTransaction, VersionRow } from '../../../storage/sync/contract.ts'
import { Problem } from '../../model/errors.ts'
import { fileNotFound } from '../problems.ts'
import type { EngineContext } from './context.ts'
import { remove, unblock } from './decide.ts'

/** `this`: the copy becomes the file; `other`: the copy goes; `both`: it is an ordinary file from now on. */
export async function resolveConflict(
  context: EngineContext,
  fid: string,
  keep: 'this' | 'other' | 'both',
): Promise<unknown> {
  const states = await context.change(async (tx) => {
    const [copy] = await tx.files([fid])
    if (copy === undefined || !copy.file.live) throw fileNotFound(fid)
    const { conflictOf } = copy.file
    if (conflictOf === null) throw new Problem('conflict', `file ${fid} is not a conflict copy`)
    const [original] = await tx.files([conflictOf])
    const changed = await apply(context, tx, copy, original, keep)
    return changed
  })
  context.changed(states)
  return {}
}

async function apply(
  context: EngineContext,
  tx: SyncTransaction,
  copy: FileState,
  original: FileState | undefined,
  keep: 'this' | 'other' | 'both',
): Promise<FileState[]> {
  const versions: VersionRow[] = []
  const journal: JournalRow[] = []
  const numbers = await tx.newVersions(2)
  const on = {
    entry: '',
    states: new Map<string, FileState>(),
    versions,
    journal,
    touched: new Set<string>(),
    history: [],
    folders: new Set<string>(),
    newVersion: () => numbers.shift() ?? 0,
    isWriteOnly: false,
    owners: (filename: string, origins: readonly string[]) => context.owners(filename, origins),
  }
  if (keep === 'both') {
    copy.file.conflictOf = null
    await tx.save({ files: [copy] })
    return [copy]
  }
  if (keep === 'this') {
    if (original === undefined) throw new Problem('conflict', 'the file that it is a copy of is not known any more')
    const { size, hash, mtimeMs, executable } = copy.file
    const chunks = (await tx.versionsOf([copy.file.fid], hash === null ? [] : [hash])).at(-1)?.chunks ?? ''
    const { fid, filename, head } = original.file
    const id = on.newVersion()
    versions.push({ id, fid, parent: head, hash, size, chunks, mtimeMs, executable, entry: '' })
    journal.push({ entry: '', fid, filename, op: 'resolved', before: head, after: id })
    Object.assign(original.file, { head: id, live: true, size, hash, mtimeMs, executable })
    for (const replica of original.replicas) unblock(replica)
  }
  remove(on, copy, null)
  const files = original === undefined ? [copy] : [copy, original]
  await tx.save({ files, versions, journal })
  return files
}
