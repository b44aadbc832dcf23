/**
 * Objects as files below one folder: `data/` holds them under their paths, `tmp/` what is being written. Made for one
 * process at a time.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, type FileHandle, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { keptContentType } from '../../../src/model/content-type.ts'
import { Problem } from '../../../src/model/errors.ts'
import { inParallel } from '../bounded.ts'
import type { ObjectPage, ObjectStat, ObjectStore, ReceivedObject } from '../contract.ts'
import { disk, ifThere } from './failures.ts'
import { newFolders } from './folders.ts'
import { newKeyWalk } from './listing.ts'
import { nameOfPath, pathOf, pathPrefixOf } from './path.ts'
import { receive } from './receive.ts'
import { md5Of, openStored, type StoredFile, streamOf } from './stored-file.ts'
import { formatTrailer } from './trailer.ts'

/** Files opened at the same time by one listing or deletion. */
const width = 16

/** Opens the store in `folder`, making the folder. Throws what the file system says when it cannot be written. */
export async function openFolderObjects(folder: string): Promise<ObjectStore> {
  const data = join(folder, 'data')
  const tmp = join(folder, 'tmp')
  await mkdir(data, { recursive: true, mode: 0o700 })
  await mkdir(tmp, { recursive: true, mode: 0o700 })
  const folders = newFolders(data)
  const walk = newKeyWalk(data)
  const running = new Set<string>()
  const fileOf = (name: string) => join(data, pathOf(name))

  /** Lets `write` make a temporary file and moves it into place; nothing remains of one that fails. */
  async function replace<T>(name: string, write: (path: string) => Promise<T>): Promise<T> {
    const target = fileOf(name)
    const id = randomUUID()
    const path = join(tmp, id)
    running.add(id)
    try {
      const written = await write(path)
      await disk(folders.place(path, target))
      return written
    } catch (error) {
      await rm(path, { force: true }).catch(() => {})
      throw error
    } finally {
      running.delete(id)
    }
  }

  /** Opens an object's file. A missing object is told apart from a missing disk. */
  async function found(path: string): Promise<StoredFile | undefined> {
    const file = await openStored(path)
    if (file === undefined) await disk(stat(`${data}/.`))
    return file
  }

  async function ping(): Promise<void> {
    const path = join(tmp, randomUUID())
    await disk(withFile(path, 'wx', (file) => file.write('ping')))
    await disk(unlink(path))
  }

  async function listed(path: string): Promise<ObjectPage['objects'][number] | undefined> {
    const name = nameOfPath(path)
    const file = name === undefined ? undefined : await openStored(join(data, path))
    if (name === undefined || file === undefined) return undefined
    await file.handle.close()
    return { name, size: file.size, modifiedMs: file.modifiedMs }
  }

  try {
    await ping()
  } catch (error) {
    throw error instanceof Problem ? error.cause : error
  }

  return {
    async put(name, body, options = {}) {
      const contentType = keptContentType(options.contentType)
      return replace(name, async (path) => {
        let file: FileHandle | undefined
        try {
          const start = async () => {
            file = await open(path, 'wx', 0o600)
            return file
          }
          const seal = (received: ReceivedObject) => {
            options.accept?.(received)
            return formatTrailer({ ...received, contentType })
          }
          const { size, md5 } = await receive(body, start, seal, options.isTransient !== true)
          const { mtimeMs } = await disk(stat(path))
          return { name, size, md5, contentType, modifiedMs: Math.floor(mtimeMs) }
        } finally {
          await file?.close()
        }
      })
    },

    async get(name, range) {
      const file = await found(fileOf(name))
      if (file === undefined) return undefined
      try {
        const described = await statOf(name, file)
        return { stat: described, body: streamOf(file, range) }
      } catch (error) {
        await file.handle.close()
        throw error
      }
    },

    async stat(name) {
      const file = await found(fileOf(name))
      if (file === undefined) return undefined
      try {
        return await statOf(name, file)
      } finally {
        await file.handle.close()
      }
    },

    async list(prefix, { after, limit }) {
      const keys = walk.keys(pathPrefixOf(prefix), after ? pathOf(after) : '')
      for (;;) {
        const page: string[] = []
        let more = false
        for await (const key of keysOf(prefix, keys)) {
          page.push(key)
          more = page.length === limit
          if (more) break
        }
        const objects = (await inParallel(page, width, listed)).filter((one) => one !== undefined)
        // A page whose objects have all been deleted in the meantime does not say where to continue.
        if (objects.length > 0) return { objects, more }
        if (!more) {
          await disk(stat(`${data}/.`))
          return { objects, more }
        }
      }
    },

    async copy(from, to) {
      const source = fileOf(from)
      if ((await ifThere(stat(source))) === undefined) {
        await disk(stat(`${data}/.`))
        return false
      }
      return replace(to, async (path) => {
        const copied = await ifThere(copyFile(source, path, constants.COPYFILE_FICLONE).then(() => true))
        if (copied === undefined) throw gone
        await disk(withFile(path, 'r+', (file) => file.sync()))
        return true
      }).catch((error: unknown) => {
        if (error === gone) return false
        throw error
      })
    },

    async delete(names) {
      const emptied = new Set<string>()
      await inParallel(names, width, async (name) => {
        const path = fileOf(name)
        await ifThere(unlink(path))
        emptied.add(dirname(path))
      })
      await inParallel([...emptied], width, (folder) => disk(folders.removeEmpty(folder)))
    },

    async sweepAbandoned(olderThanMs) {
      let swept = 0
      for (const id of await disk(readdir(tmp))) {
        const path = join(tmp, id)
        const old = running.has(id) ? undefined : await ifThere(stat(path))
        if (old === undefined || Date.now() - old.mtimeMs < olderThanMs) continue
        await disk(rm(path, { recursive: true, force: true }))
        swept++
      }
      return swept
    },

    ping,
    async close() {},
  }
}

/** The source of a copy went away while it was copied. */
const gone = new Error('the source no longer exists')

async function statOf(name: string, file: StoredFile): Promise<ObjectStat> {
  const { size, contentType, modifiedMs } = file
  return { name, size, md5: await md5Of(file), contentType, modifiedMs }
}

async function* keysOf(prefix: string, keys: AsyncGenerator<string, void>): AsyncGenerator<string, void> {
  for (;;) {
    const next = await keys.next()
    if (next.done) return
    if (nameOfPath(next.value)?.startsWith(prefix)) yield next.value
  }
}

async function withFile(path: string, flags: string, work: (file: FileHandle) => Promise<unknown>): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    await work(file)
  } finally {
    await file.close()
  }
}
