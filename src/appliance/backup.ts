/**
 * A backup of everything that Hearth keeps, as one tar: `manifest.json`, then the stream of `hearth backup`, then the documents
 * that were applied to the machine. Neither the token nor a key is in it.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { version } from '../version.ts'
import { codeOf, readIfThere, readJsonIfThere, syncFolder, writeDurably } from './durable-file.ts'
import type { Hooks } from './hooks.ts'
import { isObject } from './json-upload.ts'
import type { Places } from './places.ts'
import { type Procedure, ProcedureFailure, type Run } from './procedures.ts'
import { duSize } from './sizes.ts'
import { tarEnd, tarHeader, tarPadding } from './tar.ts'

/** Writes everything that Hearth keeps in one consistent cut. */
export type SaveServer = (destination: (bytes: AsyncIterable<Uint8Array>) => Promise<void>) => Promise<void>

export interface Backup {
  /** Begins the claimed backup. */
  start(): Promise<void>
  /** Stops a backup that runs, and deletes what there is. */
  stop(): Promise<void>
  /** `undefined` when there is none. */
  state(): Promise<BackupState | undefined>
  /** The finished archive; `undefined` when there is none. */
  download(): Promise<{ readonly size: number; readonly bytes: AsyncGenerator<Uint8Array> } | undefined>
  readonly procedure: Procedure
}

export type BackupState =
  | { readonly status: 'running' | 'failed' }
  | { readonly status: 'success'; readonly filesize: string; readonly sha256: string }

export interface BackupOptions {
  readonly places: Places
  readonly hooks: Hooks
  readonly procedure: Procedure
  readonly save: SaveServer
}

/** The archive's own description. */
export interface BackupManifest {
  readonly format: 1
  readonly product: 'hearth-appliance'
  readonly version: string
  readonly created: string
  readonly host: string
  readonly encrypted: false
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[]
}

/** The entry with the server's data. */
export const serverEntry = 'server.hearth'
/** Documents of the machine: a restore stores them again but does not apply them. */
export const configurationFiles = ['settings.json', 'storage.json'] as const
/** The manifest comes first and is known last: this many bytes are reserved for it. */
export const manifestBytes = 8_192

/** Opens the backups. */
export function openBackup({ places, hooks, procedure, save }: BackupOptions): Backup {
  const path = join(places.uploads, 'backup.tar')
  const draft = `${path}.new`
  const facts = join(places.uploads, 'backup.json')

  async function work(run: Run): Promise<void> {
    const { log, signal, job } = run
    await log.line('Starting backup')
    const before = await hooks.run('backup-pre', {
      job,
      input: { for: 'backup' },
      onLine: (line) => void log.raw(line),
      signal,
    })
    if (before?.outcome === 'failed') throw new ProcedureFailure(before.message ?? 'The hook failed', before.code)
    await rm(draft, { force: true })
    const file = await open(draft, 'wx', 0o600)
    try {
      await writeArchive(file, places, save, signal)
      await file.sync()
    } finally {
      await file.close()
      await hooks.run('backup-post', { job, input: { for: 'backup' }, onLine: (line) => void log.raw(line) })
    }
    signal.throwIfAborted()
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(draft, { highWaterMark: 1024 ** 2 })) hash.update(chunk)
    const { size } = await stat(draft)
    const sha256 = hash.digest('hex')
    await rename(draft, path)
    await syncFolder(places.uploads)
    await writeDurably(facts, JSON.stringify({ filesize: duSize(size), sha256 }))
    await log.raw(`Created file: ${path} - size: ${duSize(size)} - hash: ${sha256}`)
    await log.line('Backup complete')
  }

  return {
    procedure,
    async start() {
      await procedure.start(async (run) => {
        try {
          await work(run)
        } catch (error) {
          await rm(draft, { force: true })
          if (run.signal.aborted) throw run.signal.reason
          const reason =
            codeOf(error) === 'ENOSPC' ? 'there is not enough room on the disk' : 'see the log of the server'
          await run.log.line(
            error instanceof ProcedureFailure ? `Backup failed: ${error.message}` : `Backup failed: ${reason}`,
          )
          throw error
        }
      })
    },
    async stop() {
      if (procedure.isBusy) {
        await procedure.log.line('Stopping backup')
        await procedure.stop()
      }
      const had = await exists(path)
      for (const one of [path, draft, facts]) await rm(one, { force: true })
      if (had || procedure.state !== undefined) await procedure.log.line('Deleting backup archive')
      await procedure.forget()
    },
    async state() {
      const { state } = procedure
      if (state === undefined) return undefined
      if (state.status !== 'success') return { status: state.status }
      const known = await readJsonIfThere(facts)
      if (!isObject(known) || !(await exists(path))) return undefined
      return { status: 'success', filesize: String(known['filesize']), sha256: String(known['sha256']) }
    },
    async download() {
      if (procedure.state?.status !== 'success') return undefined
      let file: FileHandle
      try {
        file = await open(path, 'r')
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      }
      const { size } = await file.stat()
      return { size, bytes: readAll(file) }
    },
  }
}

async function writeArchive(file: FileHandle, places: Places, save: SaveServer, signal: AbortSignal): Promise<void> {
  const time = Math.floor(Date.now() / 1000)
  const files: { path: string; size: number; sha256: string }[] = []
  let at = 512 + manifestBytes
  const put = async (bytes: Uint8Array, position: number) => {
    for (let done = 0; done < bytes.length; ) {
      done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
    }
  }
  const add = async (path: string, write: (put: (bytes: Uint8Array) => Promise<void>) => Promise<void>) => {
    const start = at + 512
    const hash = createHash('sha256')
    let size = 0
    await write(async (bytes) => {
      signal.throwIfAborted()
      hash.update(bytes)
      await put(bytes, start + size)
      size += bytes.length
    })
    await put(tarHeader({ name: path, size, time }), at)
    await put(tarPadding(size), start + size)
    at = start + size + tarPadding(size).length
    files.push({ path, size, sha256: hash.digest('hex') })
  }
  await add(serverEntry, (write) =>
    save(async (bytes) => {
      for await (const chunk of bytes) await write(chunk)
    }),
  )
  for (const name of configurationFiles) {
    const text = await readIfThere(join(places.etc, name))
    if (text !== undefined) await add(`config/${name}`, (write) => write(Buffer.from(text)))
  }
  await put(tarEnd, at)
  const manifest: BackupManifest = {
    format: 1,
    product: 'hearth-appliance',
    version,
    created: new Date(time * 1000).toISOString(),
    host: hostname(),
    encrypted: false,
    files,
  }
  await put(tarHeader({ name: 'manifest.json', size: manifestBytes, time }), 0)
  await put(
    Buffer.from(
      JSON.stringify(manifest, null, 1)
        .padEnd(manifestBytes - 1)
        .concat('\n'),
    ),
    512,
  )
}

async function* readAll(file: FileHandle): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(262_144), 0, 262_144, null)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
