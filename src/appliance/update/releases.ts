/**
 * Versions of this program side by side, of which one is current. A new one is on trial until it has shown that it serves;
 * the previous one stays as long, so that going back is one step. State is kept in files and links, not in memory: the next start continues.
 */
import { mkdir, readdir, readlink, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { codeOf, pointLink, readIfThere, readJsonIfThere, syncFolder, writeDurably } from '../durable-file.ts'
import { reach } from '../failpoints.ts'
import type { Places } from '../places.ts'
import { compareVersions, parseVersion } from './version.ts'

/** A version that has not shown yet that it serves. */
export interface Trial {
  readonly job: string
  /** What `current` pointed to before; `null` when there was nothing, as with the program of the system's package. */
  readonly from: string | null
  readonly to: string
  readonly phase: 'installing' | 'pending-confirm'
  /** Starts of the new version so far. */
  readonly boots: number
}

export interface Releases {
  /** The version on trial. */
  trial(): Promise<Trial | undefined>
  /** Puts a checked folder in its place and makes it current, on trial. */
  install(folder: string, version: string, job: string): Promise<void>
  /** Ends the trial: this version stays. */
  confirm(trial: Trial): Promise<void>
  /** Ends the trial: the version before is current again. */
  goBack(trial: Trial): Promise<void>
  /** Notes one more start of the version on trial. */
  countBoot(trial: Trial): Promise<Trial>
  /** The newest version that was ever confirmed. */
  floor(): Promise<string | undefined>
  /** The folder that is current; `undefined` when none is. */
  current(): Promise<string | undefined>
}

const keep = 2

/** Opens the releases below a root. */
export function openReleases({ root, releases, state }: Places): Releases {
  const link = join(root, 'current')
  const trialFile = join(state, 'trial.json')
  const floorFile = join(state, 'floor')
  const currentName = async () => {
    try {
      return basename(await readlink(link))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
  const note = (trial: Trial) => writeDurably(trialFile, `${JSON.stringify(trial)}\n`)

  async function end(): Promise<void> {
    await rm(trialFile, { force: true })
    await syncFolder(state)
  }

  async function forgetOld(): Promise<void> {
    const current = await currentName()
    const names = (await readdir(releases)).filter((name) => name !== current && parseVersion(name) !== undefined)
    names.sort((one, other) => {
      const [left, right] = [parseVersion(one), parseVersion(other)]
      return left !== undefined && right !== undefined ? compareVersions(right, left) : 0
    })
    for (const name of names.slice(keep - 1)) await rm(join(releases, name), { recursive: true, force: true })
  }

  return {
    async trial() {
      const value = await readJsonIfThere(trialFile)
      return (value ?? undefined) as Trial | undefined
    },
    async current() {
      const name = await currentName()
      return name === undefined ? undefined : join(releases, name)
    },
    async install(folder, version, job) {
      await mkdir(releases, { recursive: true, mode: 0o755 })
      const place = join(releases, version)
      const from = (await currentName()) ?? null
      if (from === version) throw new Error('the version that runs cannot be replaced')
      await rm(place, { recursive: true, force: true })
      await rename(folder, place)
      await syncFolder(releases)
      await reach('update:placed')
      await note({ job, from, to: version, phase: 'installing', boots: 0 })
      await reach('update:noted')
      await pointLink(link, join('releases', version))
      await reach('update:switched')
      await note({ job, from, to: version, phase: 'pending-confirm', boots: 0 })
    },
    async countBoot(trial) {
      const next = { ...trial, boots: trial.boots + 1 }
      await note(next)
      return next
    },
    async confirm({ to }) {
      const [floor, confirmed] = [parseVersion(await readIfThere(floorFile)), parseVersion(to)]
      if (confirmed !== undefined && (floor === undefined || compareVersions(confirmed, floor) > 0)) {
        await writeDurably(floorFile, `${to}\n`)
      }
      await writeDurably(join(releases, to, 'confirmed'), '')
      await end()
      await forgetOld()
    },
    async goBack({ from, to }) {
      if ((await currentName()) === to) {
        if (from === null) await rm(link, { force: true })
        else await pointLink(link, join('releases', from))
        await syncFolder(root)
      }
      await end()
      await rm(join(releases, to), { recursive: true, force: true })
    },
    floor: async () => (await readIfThere(floorFile))?.trim(),
  }
}
