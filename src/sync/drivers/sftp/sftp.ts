/**
 * A folder of another machine, over SFTP. Times have seconds only: two changes of the same length within one second look
 * alike from outside. A file is replaced in two steps, so that for a moment it is missing; nothing is ever overwritten.
 */
import type { Stats } from 'ssh2'
import { z } from 'zod'
import { cutBytes } from '../../names.ts'
import {
  type Driver,
  type DriverContext,
  type DriverKind,
  type FileRecord,
  isOwn,
  type Listed,
  listingPage,
  markerName,
  ownFolder,
  remoteCapabilities,
  type Seen,
  type Stage,
  type StageRequest,
  stageFolder,
  type TrashPlace,
} from '../contract.ts'
import { DriverError, driverCode } from '../error.ts'
import { commonOptions } from '../options.ts'
import { openSession, type Session } from './session.ts'

/** Bytes of one request: what every server takes. */
const blockBytes = 32 * 1024
/** Requests under way at the same time. */
const window = 32

export interface SftpServices {
  /** Addresses that anyone but the operator may name. @throws when there are none */
  readonly addressOf: (host: string) => Promise<string>
}

export function sftpKind({ addressOf }: SftpServices): DriverKind {
  return {
    name: 'sftp',
    summary: 'A folder of a machine that is reached by SSH.',
    options: z.strictObject({
      host: z.string().min(1),
      port: z.number().int().min(1).max(65_535).optional(),
      username: z.string().min(1),
      password: z.string().min(1).optional(),
      key: z.string().min(1).optional().describe('A private key in the format of OpenSSH or PEM, without passphrase.'),
      host_key: z
        .string()
        .min(1)
        .describe("The server's key: `SHA256:...` as ssh-keygen -l prints it, or its line of known_hosts."),
      root: z.string().regex(/^\/([^\0]*[^/\0])?$/, 'it must be an absolute path without a slash at its end'),
      ...commonOptions,
    }),
    secrets: ['password', 'key'],
    velocity: 0.3,
    checkDays: 0,
    rescanMs: 300_000,
    open: (options, context) => openSftp(options, context, addressOf),
  }
}

async function openSftp(
  options: Readonly<Record<string, unknown>>,
  { trusted }: DriverContext,
  addressOf: SftpServices['addressOf'],
): Promise<Driver> {
  const { host, port = 22, username, password, key, host_key, root } = options
  const session = await openSession({
    host: trusted ? String(host) : await addressOf(String(host)),
    port: Number(port),
    username: String(username),
    password: password === undefined ? undefined : String(password),
    privateKey: key === undefined ? undefined : String(key),
    hostKey: String(host_key),
  })
  try {
    const stats = await session.lstat(String(root))
    if (stats === undefined || !stats.isDirectory()) throw new DriverError('options', `root: ${root} is not a folder`)
    const path = String(root) === '/' ? '' : String(root)
    return newDriver(session, path, await clockAhead(session, path).catch(() => 0))
  } catch (error) {
    session.end()
    throw error
  }
}

/** Milliseconds by which the clock here is ahead of the one that writes the times of files there. */
async function clockAhead(session: Session, root: string): Promise<number> {
  const path = `${root}/${ownFolder}/clock`
  await session.mkdir(`${root}/${ownFolder}`).catch(() => {})
  const handle = await session.open(path, 'w')
  try {
    await session.write(handle, Buffer.from('.'), 0)
    const now = Date.now()
    const stats = await session.lstat(path)
    // Times have whole seconds only, and requests take time: differences up to two seconds mean nothing.
    const ahead = stats === undefined ? 0 : now - stats.mtime * 1_000
    return Math.abs(ahead) <= 2_000 ? 0 : ahead
  } finally {
    await session.close(handle)
  }
}

function newDriver(session: Session, root: string, aheadMs: number): Driver {
  const pathOf = (name: string) => (name === '' ? root || '/' : `${root}/${name}`)
  const trashName = ({ key, name }: TrashPlace) =>
    `${ownFolder}/trash/${key}-${cutBytes(name.slice(name.lastIndexOf('/') + 1), 200)}`

  /** Refuses links on the way: they may lead anywhere. */
  async function checkFolders(name: string): Promise<void> {
    for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
      const stats = await session.lstat(pathOf(name.slice(0, at)))
      if (stats?.isSymbolicLink())
        throw new DriverError('name', `${name.slice(0, at)}: a symbolic link is not followed`)
      if (stats !== undefined && !stats.isDirectory()) throw new DriverError('not_found', `${name}: no such file`)
    }
  }

  async function makeFolders(name: string): Promise<void> {
    for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
      const folder = name.slice(0, at)
      const stats = await session.lstat(pathOf(folder))
      if (stats?.isSymbolicLink()) throw new DriverError('name', `${folder}: a symbolic link is not followed`)
      if (stats?.isDirectory()) continue
      await session.mkdir(pathOf(folder)).catch(async (error: unknown) => {
        if (!(await session.lstat(pathOf(folder)))?.isDirectory()) throw error
      })
    }
  }

  async function look(name: string): Promise<Seen | undefined> {
    try {
      await checkFolders(name)
      const stats = await session.lstat(pathOf(name))
      return stats && seenOf(name, stats, aheadMs)
    } catch (error) {
      if (driverCode(error) === 'not_found') return undefined
      if (!(error instanceof DriverError) || error.code === 'unavailable') throw error
      return { kind: 'odd', name, reason: error.message, hidesBelow: true }
    }
  }

  async function expectFile(name: string, fingerprint: string): Promise<void> {
    await checkFolders(name)
    const stats = await session.lstat(pathOf(name))
    if (stats === undefined) throw new DriverError('not_found', `${name}: the file no longer exists`)
    if (!stats.isFile() || fingerprintOf(stats) !== fingerprint) throw changed(name)
  }

  /** Moves the expected file to another name; if it turns out to be a different file, it is moved back. */
  async function take(name: string, fingerprint: string, to: string): Promise<void> {
    await expectFile(name, fingerprint)
    await makeFolders(to)
    await session.rename(pathOf(name), pathOf(to))
    const stats = await session.lstat(pathOf(to))
    if (stats !== undefined && fingerprintOf(stats) === fingerprint) return
    await session.rename(pathOf(to), pathOf(name))
    throw changed(name)
  }

  async function place(from: string, to: string): Promise<FileRecord> {
    await makeFolders(to)
    if ((await session.lstat(pathOf(to))) !== undefined)
      throw new DriverError('exists', `${to}: something is there already`)
    await session.rename(pathOf(from), pathOf(to))
    const stats = await session.lstat(pathOf(to))
    if (stats === undefined) throw changed(to)
    return recordOf(to, stats, aheadMs)
  }

  async function removeEmpty(name: string): Promise<void> {
    for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
      try {
        await session.rmdir(pathOf(name.slice(0, at)))
      } catch {
        return
      }
    }
  }

  async function* walk(folder: string): AsyncGenerator<Listed> {
    const children: { readonly order: Buffer; readonly name: string; readonly stats: Stats }[] = []
    for (const { filename, attrs } of await session.readdir(pathOf(folder))) {
      if (filename === '.' || filename === '..') continue
      const name = folder === '' ? filename : `${folder}/${filename}`
      if (isOwn(name)) continue
      const stats = attrs as Stats
      children.push({ order: Buffer.from(stats.isDirectory() ? `${filename}/` : filename), name, stats })
    }
    children.sort((a, b) => Buffer.compare(a.order, b.order))
    for (const { name, stats } of children) {
      if (name.includes('\uFFFD')) yield { kind: 'odd', name, reason: 'the name is not valid UTF-8', hidesBelow: true }
      else if (stats.isDirectory()) yield* walkBelow(name)
      else yield seenOf(name, stats, aheadMs) as Listed
    }
  }

  async function* walkBelow(folder: string): AsyncGenerator<Listed> {
    try {
      yield* walk(folder)
    } catch (error) {
      if (!(error instanceof DriverError) || error.code === 'unavailable') throw error
      if (error.code !== 'not_found') yield { kind: 'odd', name: folder, reason: error.message, hidesBelow: true }
    }
  }

  return {
    capabilities: { ...remoteCapabilities, keepsExecutable: true, wholeFiles: false },
    async identity() {
      const stats = await session.lstat(pathOf(markerName))
      if (stats === undefined) return undefined
      const chunks: Uint8Array[] = []
      for await (const chunk of readRange(session, pathOf(markerName), 0, stats.size)) chunks.push(chunk)
      return Buffer.concat(chunks).toString().trim()
    },
    async mark(token) {
      await makeFolders(markerName)
      const handle = await session.open(pathOf(markerName), 'w')
      await session.write(handle, Buffer.from(`${token}\n`), 0)
      await session.sync(handle)
      await session.close(handle)
    },
    async *list(below = '') {
      const top = await session.lstat(pathOf(below))
      if (top === undefined || !top.isDirectory()) {
        if (below === '') throw new DriverError('unavailable', 'the folder is not there')
        return
      }
      let page: Listed[] = []
      for await (const listed of walk(below)) {
        page.push(listed)
        if (page.length < listingPage) continue
        yield page
        page = []
      }
      yield page
    },
    stat: look,
    async *read(name, fingerprint, start, end) {
      await expectFile(name, fingerprint)
      yield* readRange(session, pathOf(name), start, end)
      await expectFile(name, fingerprint)
    },

    async stage(key, request): Promise<Stage> {
      if (isOwn(request.name)) throw new DriverError('name', `${request.name}: the name is reserved`)
      const name = `${stageFolder}/${key}`
      await makeFolders(name)
      const found = await session.lstat(pathOf(name))
      const handle = await session.open(pathOf(name), found === undefined ? 'wx' : 'r+')
      return newStage(key, request, handle, found?.size ?? 0)
    },
    async sweepStages(keep) {
      if ((await session.lstat(pathOf(stageFolder))) === undefined) return
      for (const { filename } of await session.readdir(pathOf(stageFolder))) {
        if (filename !== '.' && filename !== '..' && !keep.has(filename)) {
          await session.unlink(pathOf(`${stageFolder}/${filename}`))
        }
      }
    },

    async remove(name, fingerprint, trash) {
      const seen = await look(name)
      if (seen === undefined) return
      if (seen.kind === 'odd') throw new DriverError('name', seen.reason)
      await take(name, fingerprint, trashName(trash))
      await removeEmpty(name)
    },
    async move(from, fingerprint, to) {
      await expectFile(from, fingerprint)
      const moved = await place(from, to)
      await removeEmpty(from)
      return moved
    },
    isTrashed: async (trash) => (await session.lstat(pathOf(trashName(trash)))) !== undefined,
    restore: (trash, to) => place(trashName(trash), to),
    async purge(trash) {
      if ((await session.lstat(pathOf(trashName(trash)))) !== undefined) await session.unlink(pathOf(trashName(trash)))
    },
    space: async () => undefined,
    close: async () => session.end(),
  }

  function newStage(key: string, request: StageRequest, handle: Buffer, found: number): Stage {
    const { name, size, chunkBytes } = request
    const at = `${stageFolder}/${key}`
    let isOpen = true
    const close = async () => {
      if (!isOpen) return
      isOpen = false
      await session.close(handle)
    }
    return {
      staged: found === size ? size : found > size ? 0 : found - (found % chunkBytes),
      readBack: (start, end) => readRange(session, pathOf(at), start, end),
      async write(start, bytes) {
        const blocks: number[] = []
        for (let offset = 0; offset < bytes.length; offset += blockBytes) blocks.push(offset)
        const next = blocks.values()
        const writers = Array.from({ length: Math.min(window, blocks.length) }, async () => {
          for (const offset of next) {
            await session.write(handle, Buffer.from(bytes.subarray(offset, offset + blockBytes)), start + offset)
          }
        })
        await Promise.all(writers)
      },
      async commit(expected, trash) {
        await session.sync(handle)
        await close()
        if ((await session.lstat(pathOf(at)))?.size !== size) {
          throw new DriverError('corrupt', `${name}: staged bytes are missing`)
        }
        if (request.executable) await session.chmod(pathOf(at), 0o755)
        await session.setTimes(pathOf(at), Math.max(0, Math.floor(request.mtimeMs / 1_000)))
        if (expected !== undefined) await take(name, expected, trashName(trash))
        return place(at, name)
      },
      async abort() {
        await close()
        await session.unlink(pathOf(at)).catch(() => {})
      },
      close,
    }
  }
}

async function* readRange(session: Session, path: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  const handle = await session.open(path, 'r')
  try {
    const running: Promise<Buffer>[] = []
    let next = start
    const more = () => {
      while (running.length < window && next < end) {
        const size = Math.min(blockBytes, end - next)
        const block = readBlock(session, handle, size, next)
        block.catch(() => {})
        running.push(block)
        next += size
      }
    }
    for (more(); running.length > 0; more()) yield (await running.shift()) as Buffer
  } finally {
    await session.close(handle).catch(() => {})
  }
}

/** Servers may return less than was asked for. */
async function readBlock(session: Session, handle: Buffer, size: number, at: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let done = 0; done < size; ) {
    const part = await session.read(handle, size - done, at + done)
    if (part.length === 0) throw new DriverError('changed', 'the file became shorter while it was read')
    parts.push(part)
    done += part.length
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}

function seenOf(name: string, stats: Stats, aheadMs: number): Seen {
  if (stats.isDirectory()) return { kind: 'folder' }
  if (stats.isFile()) return { kind: 'file', file: recordOf(name, stats, aheadMs) }
  const what = stats.isSymbolicLink() ? 'a symbolic link' : 'something that is not a file'
  return { kind: 'odd', name, reason: `${what} is not synchronised`, hidesBelow: stats.isSymbolicLink() }
}

function recordOf(name: string, stats: Stats, aheadMs: number): FileRecord {
  const mtimeMs = stats.mtime * 1_000
  // Changes within the same second look the same: wait until that second is over.
  const executable = (stats.mode & 0o100) !== 0
  const fingerprint = fingerprintOf(stats)
  return {
    name,
    size: stats.size,
    mtimeMs,
    fingerprint,
    key: fingerprint,
    executable,
    changedMs: mtimeMs + aheadMs + 1_000,
  }
}

function fingerprintOf({ size, mtime }: Stats): string {
  return `${size}:${mtime}`
}

function changed(name: string): DriverError {
  return new DriverError('changed', `${name}: the file has changed`)
}
