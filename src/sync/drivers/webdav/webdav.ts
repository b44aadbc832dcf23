/**
 * A folder of a WebDAV server (RFC 4918). Files are put beside and moved into their places, never over anything. A file is
 * replaced in two steps, so that for a moment it is missing.
 */
import { z } from 'zod'
import type { Outgoing } from '../../../outgoing/outgoing.ts'
import { cutBytes } from '../../names.ts'
import {
  type Driver,
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
import { DriverError, type DriverErrorCode, driverCode } from '../error.ts'
import { commonOptions } from '../options.ts'
import { type Resource, resourcesOf } from './answers.ts'

/** Of a listing of one folder. */
const maxAnswerBytes = 16 * 1024 ** 2
/** An upload slower than this counts as stuck. */
const slowestBytesPerMs = 50
const properties =
  '<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:"><d:prop>' +
  '<d:resourcetype/><d:getcontentlength/><d:getlastmodified/><d:getetag/></d:prop></d:propfind>'

export interface WebdavServices {
  /** The client for servers that the operator named, or for those that others named. */
  readonly outgoingFor: (trusted: boolean) => Outgoing
}

export function webdavKind({ outgoingFor }: WebdavServices): DriverKind {
  return {
    name: 'webdav',
    summary: 'A folder of a WebDAV server.',
    options: z.strictObject({
      url: z.url({ protocol: /^https?$/ }).describe('The folder.'),
      username: z.string().min(1).optional(),
      password: z.string().min(1).optional(),
      ...commonOptions,
    }),
    secrets: ['password'],
    velocity: 0.3,
    checkDays: 0,
    rescanMs: 300_000,
    async open({ url, username, password }, { signal, trusted }) {
      const credentials = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')
      const authorization = username === undefined ? {} : { authorization: `Basic ${credentials}` }
      const driver = newDriver(outgoingFor(trusted), new URL(String(url)), authorization, signal)
      if ((await driver.stat(''))?.kind !== 'folder') throw new DriverError('options', `url: ${url} is not a folder`)
      return driver
    },
  }
}

function newDriver(
  outgoing: Outgoing,
  base: URL,
  authorization: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Driver {
  const basePath = decodeURIComponent(base.pathname).replace(/\/+$/, '')
  const pathOf = (name: string) => (name === '' ? `${basePath}/` : `${basePath}/${name}`)
  const urlOf = (name: string) => new URL(pathOf(name).split('/').map(encodeURIComponent).join('/'), base)
  const trashName = ({ key, name }: TrashPlace) =>
    `${ownFolder}/trash/${key}-${cutBytes(name.slice(name.lastIndexOf('/') + 1), 200)}`

  interface Asked {
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string | AsyncIterable<Uint8Array>
    readonly maxBytes?: number
    readonly answerMs?: number
    readonly signal?: AbortSignal
  }

  async function ask(method: string, name: string, asked: Asked = {}): Promise<Response> {
    const headers = { ...authorization, ...asked.headers }
    try {
      return await outgoing.fetch(urlOf(name), {
        method,
        headers,
        signal: asked.signal ?? signal,
        maxBytes: asked.maxBytes ?? maxAnswerBytes,
        ...(asked.body === undefined ? {} : { body: asked.body }),
        ...(asked.answerMs === undefined ? {} : { answerMs: asked.answerMs }),
      })
    } catch (error) {
      throw new DriverError('unavailable', `${name || 'the server'}: it does not answer`, { cause: error })
    }
  }

  async function tell(method: string, name: string, accepted: readonly number[], asked: Asked = {}): Promise<number> {
    const response = await ask(method, name, asked)
    await response.body?.cancel().catch(() => {})
    if (!response.ok && !accepted.includes(response.status)) throw refusal(name, response.status)
    return response.status
  }

  /** A folder with its children, or a file; `undefined` when nothing is there. */
  async function find(name: string, depth: '0' | '1'): Promise<Resource[] | undefined> {
    const headers = { depth, 'content-type': 'application/xml; charset=utf-8' }
    const response = await ask('PROPFIND', name, { headers, body: properties })
    if (response.status === 404) {
      await response.body?.cancel().catch(() => {})
      return undefined
    }
    if (response.status !== 207) {
      await response.body?.cancel().catch(() => {})
      throw refusal(name, response.status)
    }
    try {
      // Whatever is not below the requested folder is ignored.
      return resourcesOf(await response.text()).filter(
        ({ path }) => path === basePath || path.startsWith(`${basePath}/`),
      )
    } catch (error) {
      if (error instanceof DriverError) throw error
      throw new DriverError('unavailable', `${name}: the answer broke off`, { cause: error })
    }
  }

  async function resource(name: string): Promise<Resource | undefined> {
    const path = pathOf(name).replace(/\/+$/, '')
    const answer = await find(name, '0')
    const found = answer?.find((one) => isSamePath(one.path, path))
    // Only 404 means that it does not exist: a file about which the server says nothing has not been deleted.
    if (answer !== undefined && found === undefined) throw untold(name)
    return found
  }

  async function expectFile(name: string, fingerprint: string): Promise<Resource> {
    const found = await resource(name)
    if (found === undefined) throw new DriverError('not_found', `${name}: the file no longer exists`)
    if (found.isFolder || fingerprintOf(found) !== fingerprint) throw changed(name)
    return found
  }

  async function makeFolders(name: string): Promise<void> {
    for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
      const folder = name.slice(0, at)
      if ((await resource(folder))?.isFolder) continue
      // It may already exist: 405.
      await tell('MKCOL', folder, [405])
    }
  }

  /** To a free name; the server refuses everything else. */
  async function place(from: string, to: string): Promise<FileRecord> {
    await makeFolders(to)
    const headers = { destination: urlOf(to).href, overwrite: 'F' }
    const status = await tell('MOVE', from, [403, 404, 409, 412], { headers })
    if (status === 412) throw new DriverError('exists', `${to}: something is there already`)
    if (status >= 400) {
      if ((await resource(from)) === undefined) throw new DriverError('not_found', `${from}: the file no longer exists`)
      throw refusal(to, status)
    }
    const found = await resource(to)
    if (found === undefined) throw changed(to)
    return recordOf(to, found)
  }

  async function take(name: string, fingerprint: string, to: string): Promise<void> {
    const before = await expectFile(name, fingerprint)
    const taken = await place(name, to)
    if (taken.size === before.size && taken.mtimeMs === before.mtimeMs) return
    await place(to, name)
    throw changed(name)
  }

  async function* walk(folder: string): AsyncGenerator<Listed> {
    const own = pathOf(folder).replace(/\/+$/, '')
    const found = await find(folder, '1')
    if (found === undefined) {
      if (folder === '') throw new DriverError('unavailable', 'the folder is not there')
      return
    }
    if (!found.some((one) => isSamePath(one.path, own))) throw untold(folder)
    const children = found.flatMap((one) => {
      const base = one.path.slice(own.length + 1)
      if (!one.path.startsWith(`${own}/`) || base === '' || base.includes('/')) return []
      const name = folder === '' ? base : `${folder}/${base}`
      return isOwn(name) ? [] : [{ order: Buffer.from(one.isFolder ? `${base}/` : base), name, one }]
    })
    children.sort((a, b) => Buffer.compare(a.order, b.order))
    for (const { name, one } of children) {
      if (one.isFolder) yield* walk(name)
      else yield { kind: 'file', file: recordOf(name, one) }
    }
  }

  return {
    capabilities: remoteCapabilities,
    async identity() {
      const response = await ask('GET', markerName)
      if (response.status === 404) {
        await response.body?.cancel().catch(() => {})
        return undefined
      }
      if (!response.ok) throw refusal(markerName, response.status)
      return (await response.text()).trim()
    },
    async mark(token) {
      await makeFolders(markerName)
      await tell('PUT', markerName, [], { body: `${token}\n` })
    },
    async *list(below = '') {
      let page: Listed[] = []
      for await (const listed of walk(below)) {
        page.push(listed)
        if (page.length < listingPage) continue
        yield page
        page = []
      }
      yield page
    },
    async stat(name): Promise<Seen | undefined> {
      try {
        const found = await resource(name)
        if (found === undefined) return undefined
        return found.isFolder ? { kind: 'folder' } : { kind: 'file', file: recordOf(name, found) }
      } catch (error) {
        if (driverCode(error) !== 'permission' || name === '') throw error
        return { kind: 'odd', name, reason: 'the server does not allow to look at it', hidesBelow: true }
      }
    },
    async *read(name, fingerprint, start, end) {
      await expectFile(name, fingerprint)
      if (start === end) return
      const response = await ask('GET', name, {
        headers: { range: `bytes=${start}-${end - 1}` },
        maxBytes: Number.MAX_SAFE_INTEGER,
      })
      if (!response.ok || response.body === null) throw refusal(name, response.status)
      let skip = response.status === 206 ? 0 : start
      let left = end - start
      try {
        for await (const chunk of response.body) {
          const bytes = chunk.subarray(Math.min(skip, chunk.length)).subarray(0, left)
          skip -= Math.min(skip, chunk.length)
          left -= bytes.length
          if (bytes.length > 0) yield bytes
          if (left === 0) break
        }
      } catch (error) {
        throw new DriverError('unavailable', `${name}: the transfer was cut short`, { cause: error })
      }
      if (left > 0) throw changed(name)
      await expectFile(name, fingerprint)
    },
    async stage(key, request) {
      if (isOwn(request.name)) throw new DriverError('name', `${request.name}: the name is reserved`)
      const name = `${stageFolder}/${key}`
      await makeFolders(name)
      return newStage(name, request)
    },
    async sweepStages(keep) {
      const own = pathOf(stageFolder)
      for (const { path } of (await find(stageFolder, '1')) ?? []) {
        const key = path.slice(own.length + 1)
        if (path.startsWith(`${own}/`) && key !== '' && !keep.has(key))
          await tell('DELETE', `${stageFolder}/${key}`, [404])
      }
    },
    async remove(name, fingerprint, trash) {
      if ((await resource(name)) !== undefined) await take(name, fingerprint, trashName(trash))
    },
    async move(from, fingerprint, to) {
      await expectFile(from, fingerprint)
      return place(from, to)
    },
    isTrashed: async (trash) => (await resource(trashName(trash))) !== undefined,
    restore: (trash, to) => place(trashName(trash), to),
    purge: async (trash) => void (await tell('DELETE', trashName(trash), [404])),
    space: async () => undefined,
    close: async () => {},
  }

  /** One PUT that takes the chunks as they come. */
  function newStage(at: string, { name, size }: StageRequest): Stage {
    const pipe = new TransformStream<Uint8Array, Uint8Array>()
    const writer = pipe.writable.getWriter()
    let upload: Promise<number> | undefined
    let isEnded = false
    const stop = new AbortController()
    const begin = () => {
      upload ??= tell('PUT', at, [], {
        body: size === 0 ? '' : pipe.readable,
        headers: { 'content-type': 'application/octet-stream' },
        answerMs: 60_000 + size / slowestBytesPerMs,
        signal: AbortSignal.any([signal, stop.signal]),
      })
      upload.catch(() => {})
      return upload
    }
    const abort = async () => {
      isEnded = true
      stop.abort()
      writer.abort().catch(() => {})
      if (upload === undefined) return
      await upload.catch(() => {})
      await tell('DELETE', at, [404]).catch(() => {})
    }
    return {
      staged: 0,
      readBack: () => undefined,
      async write(_start, bytes) {
        const running = begin()
        // A server that refuses does not read the rest.
        const refused = running.then((status) => {
          throw refusal(name, status)
        })
        refused.catch(() => {})
        await Promise.race([writer.write(bytes), running.then(() => new Promise<never>(() => {}))])
      },
      async commit(expected, trash) {
        isEnded = true
        const running = begin()
        if (size > 0) await Promise.race([writer.close(), running])
        await running
        const staged = await resource(at)
        if (staged?.size !== size) throw new DriverError('corrupt', `${name}: staged bytes are missing`)
        if (expected !== undefined) await take(name, expected, trashName(trash))
        return place(at, name)
      },
      abort,
      close: async () => {
        if (!isEnded) await abort()
      },
    }
  }
}

const statuses: Readonly<Record<number, DriverErrorCode>> = {
  400: 'name',
  401: 'options',
  403: 'permission',
  404: 'not_found',
  405: 'exists',
  409: 'not_found',
  412: 'changed',
  414: 'name',
  423: 'unavailable',
  507: 'space',
}

/** Some servers spell names in another form of Unicode than they were asked for. */
function isSamePath(one: string, other: string): boolean {
  return one.normalize('NFC') === other.normalize('NFC')
}

function untold(name: string): DriverError {
  return new DriverError('unavailable', `${name || 'the folder'}: the server says nothing of it`)
}

function refusal(name: string, status: number): DriverError {
  return new DriverError(statuses[status] ?? 'unavailable', `${name || 'the server'}: it answers ${status}`)
}

function recordOf(name: string, found: Resource): FileRecord {
  const { size, mtimeMs } = found
  // Some servers change the tag of what was moved.
  return { name, size, mtimeMs, fingerprint: fingerprintOf(found), key: `${size}:${mtimeMs}` }
}

function fingerprintOf({ size, mtimeMs, etag }: Resource): string {
  return `${size}:${mtimeMs}:${etag}`
}

function changed(name: string): DriverError {
  return new DriverError('changed', `${name}: the file has changed`)
}
