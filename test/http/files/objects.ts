/** The folder that the server keeps the bytes of files in, looked at and damaged from outside. */
import { readdir, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestServer } from '../../support/server.ts'

/** How many objects the server holds open. */
export async function openObjects({ pid, dataDir }: TestServer): Promise<number> {
  const folder = `/proc/${pid}/fd`
  const targets = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')))
  return targets.filter((target) => target.startsWith(join(dataDir, 'objects'))).length
}

/** Removes the bytes of a file with one content, and leaves its document. */
export async function removeObject({ dataDir }: TestServer, fileId: string): Promise<void> {
  const folder = join(dataDir, 'objects', 'data')
  // A file's path spells its object's name: the id's parts, with marks between them.
  const parts = [fileId.slice(8, 22), fileId.slice(22, 27), fileId.slice(27)]
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found = entries.find((entry) => {
    const path = join(entry.parentPath, entry.name)
    return entry.isFile() && path.includes(fileId.slice(0, 8)) && parts.every((part) => path.includes(part))
  })
  if (found === undefined) throw new Error('the object is not there')
  await rm(join(found.parentPath, found.name))
}
