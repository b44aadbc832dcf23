/** Walks a folder in the order of its names' bytes, page by page. */

import type { BigIntStats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { errnoOf } from '../../../model/errno.ts'
import { isOwn, type Listed, listingPage } from '../contract.ts'
import { DriverError } from '../error.ts'
import { localError } from './failures.ts'
import { type Folders, split } from './folders.ts'
import { type Mounts, missedMount } from './mounts.ts'
import { oddKind, recordOf } from './record.ts'

/** Names that are examined together: more do not make a disk faster. */
const together = 128

interface Child {
  /** With a slash after the names of folders, so that they sort like the paths below them. */
  readonly order: Buffer
  readonly listed: Listed | undefined
  readonly folder: string | undefined
}

/** Every file below a folder. Folders that cannot be read are reported; a failure of the root rejects. */
export async function* listBelow(folders: Folders, mounts: Mounts, top: string): AsyncGenerator<readonly Listed[]> {
  await mounts.read()
  if ((await mounts.missedAbove(top)) !== undefined) {
    yield [missedMount(top)]
    return
  }
  let page: Listed[] = []
  // Children still to come, one array for each level, the next one last.
  const levels: Child[][] = [await childrenOf(folders, mounts, top, true)]
  for (;;) {
    const level = levels.at(-1)
    if (level === undefined) break
    const child = level.pop()
    if (child === undefined) {
      levels.pop()
      continue
    }
    if (child.listed !== undefined) page.push(child.listed)
    if (child.folder !== undefined) {
      try {
        levels.push(await childrenOf(folders, mounts, child.folder, false))
      } catch (error) {
        const { message, code } = localError(error, child.folder)
        if (code === 'not_found') continue
        if (code === 'unavailable') throw error
        page.push({ kind: 'odd', name: child.folder, reason: message, hidesBelow: true })
      }
    }
    if (page.length >= listingPage) {
      yield page
      page = []
    }
  }
  yield page
}

/** In descending order, so that the next one can be popped. */
async function childrenOf(folders: Folders, mounts: Mounts, folder: string, isTop: boolean): Promise<Child[]> {
  try {
    return await folders.inside(folder, async (path) => {
      const names = (await readdir(path, { encoding: 'buffer' })) as Buffer[]
      const { dev } = await lstat(`${path}/.`, { bigint: true })
      const children: Child[] = []
      // Names that exist come from the listing; these are gone even from it.
      const lost = mounts.in(folder).filter((one) => !names.some((name) => name.toString() === split(one)[1]))
      for (const one of lost) {
        children.push({ order: Buffer.from(`${split(one)[1]}/`), listed: missedMount(one), folder: undefined })
      }
      const look = (name: Buffer) => childOf({ path, folder, dev }, name, mounts)
      for (let at = 0; at < names.length; at += together) {
        const some = names.slice(at, at + together).map(look)
        for (const child of await Promise.all(some)) if (child !== undefined) children.push(child)
      }
      return children.sort((a, b) => Buffer.compare(b.order, a.order))
    })
  } catch (error) {
    if (isTop && errnoOf(error) === 'ENOENT' && folder !== '') return []
    if (isTop && folder === '') throw new DriverError('unavailable', 'the folder cannot be read', { cause: error })
    throw error
  }
}

async function childOf(
  { path, folder, dev }: { readonly path: string; readonly folder: string; readonly dev: bigint },
  bytes: Buffer,
  mounts: Mounts,
): Promise<Child | undefined> {
  const base = bytes.toString()
  const name = folder === '' ? base : `${folder}/${base}`
  if (!Buffer.from(base).equals(bytes)) {
    const reason = `the name is not valid UTF-8: ${bytes.toString('latin1').replaceAll(/[^ -~]/g, '?')}`
    return { order: bytes, listed: { kind: 'odd', name, reason, hidesBelow: true }, folder: undefined }
  }
  if (isOwn(name)) return undefined
  let stats: BigIntStats
  try {
    stats = await lstat(`${path}/${base}`, { bigint: true })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    const reason = localError(error, name).message
    return { order: bytes, listed: { kind: 'odd', name, reason, hidesBelow: true }, folder: undefined }
  }
  if (stats.isDirectory()) {
    const order = Buffer.from(`${base}/`)
    if (stats.dev !== dev) await mounts.note(name)
    else if (mounts.isMissed(name)) return { order, listed: missedMount(name), folder: undefined }
    return { order, listed: undefined, folder: name }
  }
  if (stats.isFile()) return { order: bytes, listed: { kind: 'file', file: recordOf(name, stats) }, folder: undefined }
  const reason = `${oddKind(stats)} is not synchronised`
  // What was a folder may be a link now: what was below it is not deleted.
  const hidesBelow = stats.isSymbolicLink()
  return { order: bytes, listed: { kind: 'odd', name, reason, hidesBelow }, folder: undefined }
}
