/** Brings all files under new rules, some hundred at a time, or tells what that would do. */
import type { FileState, JournalRow } from '../../../storage/sync/contract.ts'
import { scanPage } from '../../model/page-limits.ts'
import type { Plan } from '../commands.ts'
import type { EngineContext } from './context.ts'
import { applyOwners } from './decide.ts'
import type { RuleSet } from './rules.ts'

const maxSamples = 20
const first = '00000000-0000-0000-0000-000000000000'

/** Owners of every file by `rules`. With `dryRun` nothing is kept. Entries that are gone own nothing. */
export async function planRules(context: EngineContext, rules: RuleSet, dryRun: boolean): Promise<Plan> {
  const plan = {
    copies: 0,
    bytes: 0,
    releases: 0,
    trashes: 0,
    samples: [] as { filename: string; gains: string[]; loses: string[] }[],
  }
  const owners = (filename: string, origins: readonly string[]) => context.owners(filename, origins, rules)
  const isTrashed = rules.unsync === 'trash'
  for (let after = first; ; ) {
    const page = await context.change(async (tx) => {
      const states = await tx.filesAfter(after, scanPage)
      const touched = new Set<string>()
      const journal: JournalRow[] = []
      for (const state of states) if (state.file.live) apply(state, { owners, isTrashed }, touched, journal, plan)
      const changed = states.filter(({ file }) => touched.has(file.fid))
      if (!dryRun && changed.length > 0) await tx.save({ files: changed, journal })
      return { changed, last: states.at(-1)?.file.fid }
    })
    if (!dryRun) context.changed(page.changed)
    if (page.last === undefined) return plan
    after = page.last
  }
}

function apply(
  state: FileState,
  {
    owners,
    isTrashed,
  }: {
    readonly owners: (filename: string, origins: readonly string[]) => readonly string[]
    readonly isTrashed: boolean
  },
  touched: Set<string>,
  journal: JournalRow[],
  plan: { copies: number; bytes: number; releases: number; trashes: number; samples: Plan['samples'][number][] },
): void {
  const { file, replicas } = state
  const before = new Set(replicas.filter(({ owner }) => owner).map(({ entry }) => entry))
  if (!applyOwners({ owners, touched }, state)) return
  const after = new Set(replicas.filter(({ owner }) => owner).map(({ entry }) => entry))
  const gains = [...after].filter((entry) => !before.has(entry))
  const loses = [...before].filter((entry) => !after.has(entry))
  const copies = gains.filter((entry) => replicas.find((one) => one.entry === entry)?.base !== file.head)
  plan.copies += copies.length
  plan.bytes += copies.length * file.size
  const trashed = isTrashed
    ? replicas.filter(({ entry, fingerprint }) => loses.includes(entry) && fingerprint !== null)
    : []
  for (const replica of trashed) replica.unwanted = true
  plan.trashes += trashed.length
  plan.releases += loses.length - trashed.length
  if (plan.samples.length < maxSamples) plan.samples.push({ filename: file.filename, gains, loses })
  for (const entry of loses) journal.push({ entry, fid: file.fid, filename: file.filename, op: 'released' })
}
