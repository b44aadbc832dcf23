/** Applies a batch of observations of one entry in one transaction. */
import type { JournalRow, VersionRow } from '../../../storage/sync/contract.ts'
import { fileId } from '../names.ts'
import type { EngineContext } from './context.ts'
import { decide, type Observation, type Outcome } from './decide.ts'

/**
 * Returns an outcome for each observation, in their order. Missing files come first, since a folder may have taken the place
 * of a file.
 */
export async function acceptAll(
  context: EngineContext,
  entry: string,
  observations: readonly Observation[],
): Promise<Outcome[]> {
  const { known, files } = await context.change(async (tx) => {
    const names = observations.flatMap(({ filename, movedFrom }) =>
      movedFrom === undefined ? [filename] : [filename, movedFrom],
    )
    const states = new Map((await tx.files(names.map(fileId))).map((state) => [state.file.fid, state]))
    const targets = [...states.values()].flatMap(({ file }) =>
      file.movedTo !== null && !states.has(file.movedTo) ? [file.movedTo] : [],
    )
    const moved = await tx.files(targets)
    for (const state of moved) states.set(state.file.fid, state)
    const found = observations.flatMap(({ found }) => (found === undefined ? [] : [found.content.hash]))
    const heads = [...states.values()].flatMap(({ file }) => (file.hash === null ? [] : [file.hash]))
    const history = await tx.versionsOf([...states.keys()], [...new Set([...found, ...heads])])
    const fresh = observations.filter(({ filename }) => states.get(fileId(filename))?.file.live !== true)
    const folders = await tx.foldersAmong(fresh.map(({ filename }) => filename))
    const numbers = await tx.newVersions(observations.length * 3)
    const on = {
      entry,
      states,
      versions: [] as VersionRow[],
      journal: [] as JournalRow[],
      touched: new Set<string>(),
      history,
      folders,
      newVersion: () => {
        const id = numbers.shift()
        if (id === undefined) throw new Error('no number is left for a version')
        return id
      },
      isWriteOnly: context.modeOf(entry) === 'wo',
      owners: (filename: string, origins: readonly string[]) => context.owners(filename, origins),
    }
    const known = new Map<Observation, Outcome>()
    const order = [...observations].sort((a, b) => Number(a.found !== undefined) - Number(b.found !== undefined))
    for (const one of order) known.set(one, decide(on, one))
    const files = [...on.touched].flatMap((fid) => states.get(fid) ?? [])
    await tx.save({ files, versions: on.versions, journal: on.journal })
    return { known, files }
  })
  context.changed(files)
  return observations.map((one) => known.get(one) ?? { kind: 'same' })
}
