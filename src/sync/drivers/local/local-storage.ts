/** A folder of this machine. */

import { constants } from 'node:fs'
import { lstat, open, readdir, readFile, realpath, stat, statfs, unlink, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { errnoOf } from '../../../model/errno.ts'
import { cutBytes } from '../../names.ts'
import {
  type Driver,
  type DriverKind,
  isOwn,
  markerName,
  ownFolder,
  type Seen,
  stageFolder,
  type TrashPlace,
} from '../contract.ts'
import { DriverError } from '../error.ts'
import { commonOptions } from '../options.ts'
import { localError, onDisk } from './failures.ts'
import { newFolders, split } from './folders.ts'
import { listBelow } from './listing.ts'
import { missedMount, newMounts } from './mounts.ts'
import { probe } from './probe.ts'
import { renameExclusive, takeAway } from './publishing.ts'
import { readRange } from './reading.ts'
import { oddKind, recordOf, recordOfPlaced } from './record.ts'
import { openStage } from './staging.ts'
import { watchFolder } from './watching.ts'

const trashFolder = `${ownFolder}/trash`

export const localStorage: DriverKind = {
  name: 'local_storage',
  summary: 'A folder of the machine that Hearth runs on, watched for changes.',
  options: z.strictObject({ root: z.string().min(1).describe('The folder. It must exist.'), ...commonOptions }),
  secrets: [],
  velocity: 0.9,
  checkDays: 30,
  rescanMs: 3_600_000,
  open: ({ root }) => openLocalStorage(String(root)),
}

/** Opens a folder that exists. @throws DriverError `options` when it is none */
export async function openLocalStorage(root: string): Promise<Driver> {
  const real = await rootOf(root)
  const folders = newFolders(real)
  const capabilities = await onDisk(root, () => probe(folders))
  const mounts = newMounts(folders)
  await onDisk(root, () => mounts.read())

  async function read(name: string): Promise<Seen | undefined> {
    try {
      if ((await mounts.missedAbove(name)) !== undefined) return missedMount(name)
      return await folders.at(name, async ({ path }) => {
        const stats = await lstat(path, { bigint: true })
        if (stats.isDirectory()) return { kind: 'folder' }
        if (stats.isFile()) return { kind: 'file', file: recordOf(name, stats) }
        return {
          kind: 'odd',
          name,
          reason: `${oddKind(stats)} is not synchronised`,
          hidesBelow: stats.isSymbolicLink(),
        }
      })
    } catch (error) {
      const known = localError(error, name)
      if (known.code === 'not_found') return undefined
      if (known.code === 'unavailable') throw known
      return { kind: 'odd', name, reason: known.message, hidesBelow: true }
    }
  }

  return {
    capabilities,

    identity: () =>
      onDisk(markerName, () => folders.at(markerName, ({ path }) => readFile(path, 'utf8'))).then(
        (text) => text.trim(),
        (error: DriverError) => {
          if (error.code === 'not_found') return undefined
          throw error
        },
      ),
    mark: (token) =>
      onDisk(markerName, () =>
        folders.making(markerName, async (place) => {
          await writeFile(place.path, `${token}\n`, { flush: true })
          await place.sync()
        }),
      ),

    list: (below = '') => listBelow(folders, mounts, below),
    stat: read,
    async *read(name, fingerprint, start, end) {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
      const handle = await onDisk(name, () => folders.at(name, ({ path }) => open(path, flags)))
      try {
        const check = async () => {
          if (recordOf(name, await handle.stat({ bigint: true })).fingerprint !== fingerprint) {
            throw new DriverError('changed', `${name}: the file has changed`)
          }
        }
        await check()
        yield* readRange(handle, name, start, end)
        await check()
      } finally {
        await handle.close()
      }
    },

    stage: (key, request) => {
      if (isOwn(request.name)) throw new DriverError('name', `${request.name}: the name is reserved`)
      return openStage(folders, trashName, key, request)
    },
    sweepStages: (keep) =>
      onDisk(stageFolder, async () => {
        const names = await folders.inside(stageFolder, (path) => readdir(path)).catch(() => [])
        for (const key of names) {
          if (!keep.has(key)) await folders.at(`${stageFolder}/${key}`, ({ path }) => unlink(path)).catch(() => {})
        }
      }),

    remove: (name, fingerprint, trash) =>
      onDisk(name, async () => {
        const isGone = await folders
          .at(name, (from) =>
            folders.making(trashName(trash), async (aside) => {
              const taken = await takeAway(from.path, aside.path, { name, expected: fingerprint })
              await aside.sync()
              await from.sync()
              return taken
            }),
          )
          .catch((error: unknown) => {
            if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false
            throw error
          })
        if (isGone) await folders.removeEmpty(name)
      }),

    move: (from, fingerprint, to) =>
      onDisk(from, async () => {
        const moved = await folders.at(from, (source) =>
          folders.making(to, async (target) => {
            const stats = await lstat(source.path, { bigint: true })
            if (recordOf(from, stats).fingerprint !== fingerprint) {
              throw new DriverError('changed', `${from}: the file has changed`)
            }
            await renameExclusive(source.path, target.path, to)
            await target.sync()
            await source.sync()
            return recordOfPlaced(to, fingerprint, await lstat(target.path, { bigint: true }))
          }),
        )
        await folders.removeEmpty(from)
        return moved
      }),

    isTrashed: (trash) =>
      folders
        .at(trashName(trash), ({ path }) => lstat(path))
        .then(
          () => true,
          (error: unknown) => {
            if (localError(error, trash.name).code === 'not_found') return false
            throw localError(error, trash.name)
          },
        ),
    restore: (trash, to) =>
      onDisk(to, () =>
        folders.at(trashName(trash), (source) =>
          folders.making(to, async (target) => {
            await renameExclusive(source.path, target.path, to)
            await target.sync()
            return recordOf(to, await lstat(target.path, { bigint: true }))
          }),
        ),
      ),
    purge: (trash) =>
      onDisk(trash.name, () => folders.at(trashName(trash), ({ path }) => unlink(path))).catch((error: DriverError) => {
        if (error.code !== 'not_found') throw error
      }),

    watch: (hint, lost) => watchFolder(real, hint, lost),
    async space() {
      const { bavail, bsize } = await statfs(real)
      return Number(bavail) * Number(bsize)
    },
    close: async () => {},
  }
}

/** Users can find their files there without a database, hence the name after the key. */
function trashName({ key, name }: TrashPlace): string {
  return `${trashFolder}/${key}-${cutBytes(split(name)[1], 200)}`
}

async function rootOf(root: string): Promise<string> {
  try {
    const real = await realpath(root)
    if (!(await stat(real)).isDirectory()) throw new DriverError('options', `root: ${root} is not a folder`)
    return real
  } catch (error) {
    if (error instanceof DriverError) throw error
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new DriverError('options', `root: ${root} does not exist`)
    throw localError(error, 'root')
  }
}
