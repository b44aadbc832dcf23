/**
 * Moves files into place, and out of it, so that whatever someone else does to the same name at that moment is
 * kept: nothing is replaced or removed before it was checked to be what was expected.
 */

import { link, lstat, rename, unlink } from 'node:fs/promises'
import { errnoOf } from '../../../model/errno.ts'
import { renameFlags, renameWith } from '../../../platform/runtime.ts'
import { reachSync } from '../../failpoints.ts'
import { DriverError } from '../error.ts'
import { isSameContent, recordOf } from './record.ts'

/** Renames a file to a free name. @throws DriverError `exists` */
export async function renameExclusive(from: string, to: string, name: string): Promise<void> {
  if (renameWith(renameFlags.noReplace, from, to)) return
  // Either there is something, or the file system cannot do it: a link refuses to replace as well.
  try {
    await link(from, to)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw new DriverError('exists', `${name}: something is there already`)
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error))) throw error
    await renameWhereFree(from, to, name)
    return
  }
  // If someone else has put something there in the meantime, it stays.
  const [left, placed] = await Promise.all([lstat(from, { bigint: true }), lstat(to, { bigint: true })])
  if (left.ino === placed.ino) await unlink(from)
}

/** For file systems that have neither way (FAT on old kernels): for a moment someone else may interfere. */
async function renameWhereFree(from: string, to: string, name: string): Promise<void> {
  const there = await lstat(to).catch(() => undefined)
  if (there !== undefined) throw new DriverError('exists', `${name}: something is there already`)
  await rename(from, to)
}

/**
 * Lets `from` take the place of `to`, which must be the expected file and goes to `aside`.
 * @throws DriverError `changed`: `to` is unchanged, `from` is where it was.
 */
export async function replace(
  from: string,
  to: string,
  aside: string,
  { name, expected }: { readonly name: string; readonly expected: string },
): Promise<void> {
  const before = await lstat(to, { bigint: true })
  if (recordOf(name, before).fingerprint !== expected) throw changed(name)
  const { ino } = await lstat(from, { bigint: true })
  // Exchanged from there, so that what was at `to` is in the trash at that very moment, even if this process is killed then.
  await rename(from, aside)
  await reachSync('replace:aside')
  if (!renameWith(renameFlags.exchange, aside, to)) {
    await rename(aside, from)
    return replaceInTwoSteps(from, to, aside, { name, expected })
  }
  await reachSync('replace:exchanged')
  const out = await lstat(aside, { bigint: true })
  if (isSameContent(expected, out)) return
  if (!renameWith(renameFlags.exchange, aside, to)) {
    // Someone has removed our file again: theirs goes back to where it was, or stays in the trash.
    await renameExclusive(aside, to, name).catch(() => {})
  } else if ((await lstat(aside, { bigint: true })).ino === ino) {
    // Otherwise someone has replaced our file in the meantime: the older one of their two files stays in the trash.
    await rename(aside, from)
  }
  throw changed(name)
}

/** For a moment there is no file at `to`. */
async function replaceInTwoSteps(
  from: string,
  to: string,
  aside: string,
  { name, expected }: { readonly name: string; readonly expected: string },
): Promise<void> {
  await rename(to, aside)
  if (!isSameContent(expected, await lstat(aside, { bigint: true }))) {
    await renameExclusive(aside, to, name)
    throw changed(name)
  }
  await renameExclusive(from, to, name)
}

/** Moves the expected file to `aside`; false when there was none. @throws DriverError `changed` */
export async function takeAway(
  from: string,
  aside: string,
  { name, expected }: { readonly name: string; readonly expected: string },
): Promise<boolean> {
  try {
    const before = await lstat(from, { bigint: true })
    if (recordOf(name, before).fingerprint !== expected) throw changed(name)
    await rename(from, aside)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
  if (isSameContent(expected, await lstat(aside, { bigint: true }))) return true
  await renameExclusive(aside, from, name)
  throw changed(name)
}

function changed(name: string): DriverError {
  return new DriverError('changed', `${name}: the file has changed in the meantime`)
}
