import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StartupError } from '../../../src/model/startup-error.ts'
import type { Layout } from './layout.ts'

/** The unprivileged user that PostgreSQL runs as, since it refuses to run as root. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
  /** True when Hearth is root and has to step down for the server's processes. */
  readonly stepsDown: boolean
  /** True when this user owns the data directory, so that all that root makes in it has to be handed over. */
  readonly ownsDataDir: boolean
}

const nobody = { uid: 65_534, gid: 65_534 }

/**
 * Chooses the user: ourselves; as root the data directory's owner, else `postgres` if there is one, else 65534. A cluster
 * that is there already keeps its owner, whatever accounts were made since.
 */
export async function chooseServerUser({ dataDir, cluster }: Layout): Promise<ServerUser> {
  const uid = process.getuid?.() ?? nobody.uid
  const gid = process.getgid?.() ?? nobody.gid
  if (uid !== 0) return { uid, gid, stepsDown: false, ownsDataDir: true }
  const owner = await stat(dataDir)
  if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, stepsDown: true, ownsDataDir: true }
  const account = (await ownerOf(cluster)) ?? (await accountOf('postgres')) ?? nobody
  return { ...account, stepsDown: true, ownsDataDir: false }
}

interface Account {
  readonly uid: number
  readonly gid: number
}

async function ownerOf(path: string): Promise<Account | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && found.uid !== 0 ? { uid: found.uid, gid: found.gid } : undefined
}

async function accountOf(name: string): Promise<Account | undefined> {
  const accounts = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const fields = accounts
    .split('\n')
    .map((line) => line.split(':'))
    .find((line) => line[0] === name)
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])]
  return uid > 0 && gid > 0 ? { uid, gid } : undefined
}

/** What a child process needs to run as this user, with nothing of our environment. */
export function spawnOptions(user: ServerUser): {
  uid?: number
  gid?: number
  cwd: string
  env: Record<string, string>
} {
  return {
    ...(user.stepsDown ? { uid: user.uid, gid: user.gid } : {}),
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
  }
}

/**
 * Checks that the server's user may enter `folder` and all above it.
 * @throws StartupError naming the first folder that keeps it out and what to do.
 */
export async function mustReach(user: ServerUser, folder: string): Promise<void> {
  if (!user.stepsDown) return
  const barrier = await firstBarrier(user, folder)
  if (barrier === undefined) return
  throw new StartupError(
    `PostgreSQL runs as uid ${user.uid}, not as root, and may not enter ${barrier}: allow it (chmod o+x ${barrier}), ` +
      'or choose a --data-dir elsewhere (such as /var/lib/hearth).',
  )
}

async function firstBarrier(user: ServerUser, folder: string): Promise<string | undefined> {
  const above = dirname(folder)
  const barrier = above === folder ? undefined : await firstBarrier(user, above)
  if (barrier !== undefined) return barrier
  const { uid, gid, mode } = await stat(folder)
  const mayEnter = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  return (mode & mayEnter) === 0 ? folder : undefined
}
