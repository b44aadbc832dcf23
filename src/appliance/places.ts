/** Where the appliance keeps what it knows about its machine, and where the makers of images put what it should know. */
import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StartupError } from '../model/startup-error.ts'

/** Folders and files. All of them lie below `root`, but for `system` and `hooks`. */
export interface Places {
  readonly root: string
  /** Token, applied settings, licence, keys of packages. */
  readonly etc: string
  readonly log: string
  /** What came over the network and is not checked yet; finished archives. */
  readonly uploads: string
  /** How far each procedure got. */
  readonly state: string
  /** Certificates, each pair in a folder of its own. */
  readonly pki: string
  readonly releases: string
  /** Unpacked packages and archives that are not accepted yet. */
  readonly staging: string
  /** Written by the maker of the image; read only. */
  readonly system: string
  readonly hooks: string
}

export interface GivenPlaces {
  readonly root: string
  readonly uploads?: string | undefined
  readonly state?: string | undefined
  readonly hooks?: string | undefined
  readonly system?: string | undefined
}

/** The usual layout below a folder. */
export function placesBelow({ root, uploads, state, hooks, system }: GivenPlaces): Places {
  return {
    root,
    etc: join(root, 'etc'),
    log: join(root, 'log'),
    uploads: uploads ?? join(root, 'home', 'sftp', 'uploads'),
    state: state ?? join(root, 'state'),
    pki: join(root, 'pki'),
    releases: join(root, 'releases'),
    staging: join(root, 'staging'),
    system: system ?? '/usr/local/etc',
    hooks: hooks ?? '/usr/lib/hearth/hooks',
  }
}

/** Makes the folders, for this user only. Throws a StartupError when others can look into the one with the secrets. */
export async function makePlaces(places: Places): Promise<void> {
  const own = [places.root, places.etc, places.log, places.uploads, places.state, places.pki, places.staging]
  for (const folder of own) await mkdir(folder, { recursive: true, mode: 0o700 })
  const { mode, uid } = await stat(places.etc)
  if ((mode & 0o077) === 0) return
  if (uid !== process.getuid?.()) {
    throw new StartupError(`${places.etc} holds secrets and others may read it: make it private (chmod 700)`)
  }
  await chmod(places.etc, 0o700)
}

/** Removes what a killed process has left of uploads and of work that will not be continued. */
export async function clearLeftovers({ staging, uploads }: Places): Promise<void> {
  for (const name of await readdir(staging)) await rm(join(staging, name), { recursive: true, force: true })
  for (const name of await readdir(uploads)) {
    const left =
      /^\.bundle-|\.part$|\.new$/.test(name) || name === 'software_package.enc' || name === 'backup-archive.tar'
    if (left) await rm(join(uploads, name), { force: true })
  }
}
