/** The drive of an instance of this server. Documents keep their ids, so that what refers to a file still finds it. */
import { toText } from '@std/streams'
import { z } from 'zod'
import type { DriveOf } from '../../../files/drive.ts'
import { type Directory, type FileNode, type Node, trashId } from '../../../files/node.ts'
import type { Drive, Files } from '../../../files/service.ts'
import type { Instance, Instances } from '../../../instances/service.ts'
import { Problem } from '../../../model/errors.ts'
import { streamFrom } from '../../../platform/stream-from.ts'
import {
  type Driver,
  type DriverKind,
  type FileRecord,
  isOwn,
  type Listed,
  markerName,
  type Stage,
  stageFolder,
  type TrashPlace,
} from '../contract.ts'
import { DriverError, type DriverErrorCode } from '../error.ts'
import { commonOptions } from '../options.ts'

export interface HearthServices {
  readonly files: Files
  readonly instances: Pick<Instances, 'byHost'>
  readonly driveOf: DriveOf
  /** Calls back after changes of an instance's files, until the returned function is called. */
  readonly watch: (prefix: string, onChange: () => void) => () => void
}

const childrenPage = 500
const listedPage = 1_000
/** Changes of the drive come in bursts; one scan follows them. */
const restMs = 500
/** Member of a file's metadata that names its place in the trash. */
const trashMark = 'sync_trash'

/** `hearth`: `{domain, path}`. */
export function hearthKind(services: HearthServices): DriverKind {
  return {
    name: 'hearth',
    summary: 'The drive of an instance of this server, or a folder of it.',
    options: z.strictObject({
      domain: z.string().min(1).describe('The instance.'),
      path: z
        .string()
        .regex(/^\/([^/\0]+(\/[^/\0]+)*)?$/, 'it must begin with a slash and not end with one')
        .optional()
        .describe('The folder that is synchronised; the whole drive by default. It is made when it is not there.'),
      ...commonOptions,
    }),
    secrets: [],
    velocity: 0.8,
    checkDays: 30,
    rescanMs: 600_000,
    async open({ domain, path }) {
      const instance = await onDrive('', () => services.instances.byHost(String(domain)))
      if (instance === undefined) throw new DriverError('options', `domain: there is no instance ${domain}`)
      return openHearth(services, instance, path === undefined ? '/' : String(path))
    },
  }
}

async function openHearth(
  { files, driveOf, watch }: HearthServices,
  instance: Instance,
  base: string,
): Promise<Driver> {
  const drive: Drive = await onDrive('', () => driveOf(instance, undefined))
  const pathOf = (name: string) => (name === '' ? base : base === '/' ? `/${name}` : `${base}/${name}`)
  const nodeAt = (name: string) => files.nodeAt(drive, pathOf(name))
  await onDrive('', () => files.createDirectoryAt(drive, base, { recursive: true }))

  async function folderOf(name: string): Promise<Directory> {
    const slash = name.lastIndexOf('/')
    return files.createDirectoryAt(drive, pathOf(slash < 0 ? '' : name.slice(0, slash)), { recursive: true })
  }

  /** The file that is expected, with the revision that a change has to name. */
  async function expectFile(name: string, fingerprint: string): Promise<FileNode> {
    const node = await nodeAt(name)
    if (node === undefined) throw new DriverError('not_found', `${name}: the file no longer exists`)
    if (node.kind !== 'file' || fingerprintOf(node) !== fingerprint) throw changed(name)
    return node
  }

  async function placeFile(node: FileNode, to: string): Promise<FileRecord> {
    const folder = await folderOf(to)
    const placed = await files.change(drive, node.id, { ifMatch: node.rev, name: baseOf(to), dirId: folder.id })
    return recordOf(to, placed as FileNode)
  }

  /** Moves it to the drive's own trash, where users see it under its name. */
  async function throwAway(node: FileNode, { key }: TrashPlace): Promise<void> {
    const known =
      typeof node.exact['metadata'] === 'object' && node.exact['metadata'] !== null ? node.exact['metadata'] : {}
    const metadata = { ...(known as Record<string, never>), [trashMark]: key }
    const marked = await files.change(drive, node.id, { ifMatch: node.rev, metadata })
    await files.trash(drive, node.id, marked.rev)
  }

  async function inTrash({ key }: TrashPlace): Promise<FileNode | undefined> {
    const trash = await files.node(drive, trashId)
    if (trash?.kind !== 'directory') return undefined
    for await (const child of childrenOf(trash)) {
      const { metadata } = child.value as { metadata?: Record<string, unknown> }
      if (child.kind === 'file' && metadata?.[trashMark] === key) return child
    }
    return undefined
  }

  async function* childrenOf(directory: Directory): AsyncGenerator<Node> {
    let after: { kind: 'directory' | 'file'; name: string; id: string } | undefined
    for (;;) {
      const { nodes, more } = await files.children(drive, directory, { limit: childrenPage, after })
      yield* nodes
      const last = nodes.at(-1)
      if (!more || last === undefined) return
      after = { kind: last.kind, name: last.name, id: last.id }
    }
  }

  async function* walk(directory: Directory, prefix: string): AsyncGenerator<Listed> {
    const children: { readonly order: Buffer; readonly node: Node; readonly name: string }[] = []
    for await (const node of childrenOf(directory)) {
      const name = prefix + node.name
      if (isOwn(name) || node.id === trashId) continue
      children.push({ order: Buffer.from(node.kind === 'directory' ? `${node.name}/` : node.name), node, name })
    }
    children.sort((a, b) => Buffer.compare(a.order, b.order))
    for (const { node, name } of children) {
      if (node.kind === 'directory') yield* walk(node, `${name}/`)
      else yield { kind: 'file', file: recordOf(name, node) }
    }
  }

  return {
    capabilities: {
      caseSensitive: true,
      keepsUnicode: true,
      atomicReplace: true,
      keepsExecutable: true,
      maxSegmentBytes: 255,
      wholeFiles: true,
    },

    identity: () =>
      onDrive('', async () => {
        const node = await nodeAt(markerName)
        return node?.kind === 'file' ? (await textOf(files, drive, node)).trim() : undefined
      }),
    mark: (token) =>
      onDrive('', async () => {
        const name = markerName
        const folder = await folderOf(name)
        const node = await nodeAt(name)
        const body = bytesOf(Buffer.from(`${token}\n`))
        if (node === undefined) await files.createFile(drive, { dirId: folder.id, name: 'entry' }, body)
        else await files.overwrite(drive, node.id, {}, body)
      }),

    async *list(below = '') {
      const top = await onDrive(below, () => nodeAt(below))
      if (top?.kind !== 'directory') {
        if (below === '') throw new DriverError('unavailable', 'the folder is not there')
        return
      }
      let page: Listed[] = []
      try {
        for await (const listed of walk(top, below === '' ? '' : `${below}/`)) {
          page.push(listed)
          if (page.length < listedPage) continue
          yield page
          page = []
        }
      } catch (error) {
        throw driveError('', error)
      }
      yield page
    },
    stat: (name) =>
      onDrive(name, async () => {
        const node = await nodeAt(name)
        if (node === undefined) return undefined
        return node.kind === 'directory' ? { kind: 'folder' } : { kind: 'file', file: recordOf(name, node) }
      }),
    async *read(name, fingerprint, start, end) {
      const node = await onDrive(name, () => expectFile(name, fingerprint))
      if (start === end) return
      const { body } = await onDrive(name, () => files.open(drive, node, { start, end: end - 1 }))
      try {
        for await (const chunk of body) yield chunk
      } catch (error) {
        throw driveError(name, error)
      }
    },

    async stage(key, request): Promise<Stage> {
      const { name, size, executable } = request
      if (isOwn(name)) throw new DriverError('name', `${name}: the name is reserved`)
      const stageName = `${stageFolder}/${key}`
      const folder = await onDrive(name, () => folderOf(stageName))
      const old = await onDrive(name, () => nodeAt(stageName))
      if (old !== undefined) await onDrive(name, () => files.destroy(drive, old.id, { inTrash: false }))
      const pipe = newPipe()
      const created = {
        dirId: folder.id,
        name: key,
        size,
        executable,
        updatedAt: new Date(request.mtimeMs).toISOString(),
      }
      const upload = files.createFile(drive, created, pipe.bytes)
      upload.catch((error: unknown) => pipe.fail(error))
      const discard = async () => {
        pipe.fail(new Error('given up'))
        const node = await upload.catch(() => undefined)
        if (node !== undefined) await files.destroy(drive, node.id, { inTrash: false }).catch(() => {})
      }
      return {
        staged: 0,
        readBack: () => undefined,
        write: (_start, bytes) => onDrive(name, () => pipe.write(bytes)),
        commit: (expected, trash) =>
          onDrive(name, async () => {
            pipe.end()
            const staged = await upload
            if (expected === undefined) return placeFile(staged, name)
            const node = await expectFile(name, expected)
            // Kept before it is replaced; versions of the drive come and go by their own rules.
            const copy = await files.copy(drive, node.id, { name: trash.key, dirId: folder.id })
            try {
              const named = await files.change(drive, copy.id, { name: `${trash.key}-${baseOf(name)}`.slice(0, 200) })
              await throwAway(named as FileNode, trash)
              const { body } = await files.open(drive, staged)
              const content = { ifMatch: node.rev, executable, size, updatedAt: created.updatedAt }
              const written = await files.overwrite(drive, node.id, content, body)
              return recordOf(name, written)
            } catch (error) {
              // Where it is not certain that nothing was written, the old content stays in the trash.
              if (error instanceof Problem && error.status < 500)
                await files.destroy(drive, copy.id, { inTrash: false }).catch(() => {})
              throw error
            } finally {
              await files.destroy(drive, staged.id, { inTrash: false }).catch(() => {})
            }
          }),
        abort: discard,
        async close() {
          if (!pipe.isEnded) await discard()
        },
      }
    },
    sweepStages: (keep) =>
      onDrive('', async () => {
        const folder = await nodeAt(stageFolder)
        if (folder?.kind !== 'directory') return
        for await (const child of childrenOf(folder)) {
          if (!keep.has(child.name)) await files.destroy(drive, child.id, { inTrash: false })
        }
      }),

    remove: (name, fingerprint, trash) =>
      onDrive(name, async () => {
        if ((await nodeAt(name)) === undefined) return
        await throwAway(await expectFile(name, fingerprint), trash)
      }),
    move: (from, fingerprint, to) => onDrive(from, async () => placeFile(await expectFile(from, fingerprint), to)),

    isTrashed: (trash) => onDrive(trash.name, async () => (await inTrash(trash)) !== undefined),
    restore: (trash, to) =>
      onDrive(to, async () => {
        const node = await inTrash(trash)
        if (node === undefined) throw new DriverError('not_found', `${trash.name}: it is not in the trash`)
        if ((await nodeAt(to)) !== undefined) throw new DriverError('exists', `${to}: something is there already`)
        const back = await files.restore(drive, node.id)
        return placeFile(back as FileNode, to)
      }),
    purge: (trash) =>
      onDrive(trash.name, async () => {
        const node = await inTrash(trash)
        if (node !== undefined) await files.destroy(drive, node.id, { inTrash: true })
      }),

    watch(_hint, lost) {
      let timer: ReturnType<typeof setTimeout> | undefined
      const end = watch(drive.prefix, () => {
        timer ??= setTimeout(() => {
          timer = undefined
          lost()
        }, restMs)
      })
      return () => {
        clearTimeout(timer)
        end()
      }
    },
    async space() {
      if (drive.quota === undefined) return undefined
      return Math.max(0, drive.quota - (await files.usage(drive)).used)
    },
    close: async () => {},
  }
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

function fingerprintOf({ id, internalId, md5sum, size }: FileNode): string {
  return `${id}:${internalId}:${md5sum}:${size}`
}

function recordOf(name: string, node: FileNode): FileRecord {
  const { id, size, updatedAt, executable } = node
  return { name, size, mtimeMs: Date.parse(updatedAt) || 0, fingerprint: fingerprintOf(node), key: id, executable }
}

async function textOf(files: Files, drive: Drive, node: FileNode): Promise<string> {
  return toText(streamFrom((await files.open(drive, node)).body))
}

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** A pipe: bytes are pushed on one side and pulled on the other, one chunk at a time. */
function newPipe() {
  let waiting:
    | { readonly bytes: Uint8Array; readonly taken: () => void; readonly failed: (error: unknown) => void }
    | undefined
  let wake = () => {}
  let isEnded = false
  let failure: unknown
  return {
    get isEnded() {
      return isEnded
    },
    write: (bytes: Uint8Array) =>
      new Promise<void>((resolve, reject) => {
        if (failure !== undefined) return reject(failure)
        waiting = { bytes, taken: resolve, failed: reject }
        wake()
      }),
    end() {
      isEnded = true
      wake()
    },
    fail(error: unknown) {
      failure ??= error
      waiting?.failed(error)
      wake()
    },
    bytes: (async function* () {
      for (;;) {
        if (failure !== undefined) throw failure
        if (waiting !== undefined) {
          const { bytes, taken } = waiting
          waiting = undefined
          yield bytes
          taken()
          continue
        }
        if (isEnded) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    })(),
  }
}

const statuses: Readonly<Record<number, DriverErrorCode>> = {
  400: 'name',
  403: 'permission',
  404: 'not_found',
  409: 'exists',
  412: 'changed',
  413: 'space',
  422: 'name',
  507: 'space',
}

function driveError(name: string, error: unknown): DriverError {
  if (error instanceof DriverError) return error
  const code = error instanceof Problem ? (statuses[error.status] ?? 'unavailable') : 'unavailable'
  return new DriverError(code, `${name || 'the drive'}: ${error instanceof Problem ? error.reason : 'it failed'}`, {
    cause: error,
  })
}

async function onDrive<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw driveError(name, error)
  }
}

function changed(name: string): DriverError {
  return new DriverError('changed', `${name}: the file has changed`)
}
