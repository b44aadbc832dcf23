/** The place of a backup: a file, or `-` for the standard streams. */

import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from '../model/errno.ts'
import { StartupError } from '../model/startup-error.ts'
import type { Destination } from './write.ts'

export interface SaveOptions {
  /** Replace an existing file. */
  readonly force: boolean
}

/**
 * Lets `work` write the file, which gets its name only when it is complete and safe on the disk. Nobody but its owner
 * may read it: it holds secrets.
 * @throws StartupError when the file exists, or cannot be written.
 */
export async function saveFile<T>(
  path: string,
  { force }: SaveOptions,
  work: (destination: Destination) => Promise<T>,
): Promise<T> {
  if (path === '-') return work(toStandardOutput())
  if (!force && (await exists(path))) {
    throw new StartupError(`${path} exists already: choose another name, or overwrite it with --force.`)
  }
  const draft = `${path}.${process.pid}.unfinished`
  const file = await onFile(path, () => open(draft, 'wx', 0o600))
  try {
    const result = await work((bytes) => onFile(path, () => append(file, bytes)))
    await onFile(path, async () => {
      await file.sync()
      await file.close()
      await rename(draft, path)
      await syncFolder(dirname(path))
    })
    return result
  } catch (error) {
    await file.close().catch(() => {})
    await rm(draft, { force: true })
    throw error
  }
}

/** The bytes of the file. @throws StartupError when it cannot be read. */
export async function* readBackupFile(path: string): AsyncGenerator<Uint8Array> {
  if (path === '-') {
    if (process.stdin.isTTY) throw new StartupError('There is no backup on standard input: redirect one into it.')
    yield* process.stdin
    return
  }
  try {
    yield* createReadStream(path, { highWaterMark: 256 * 1024 })
  } catch (error) {
    throw new StartupError(`${path} cannot be read: ${reasonOf(error)}.`, { cause: error })
  }
}

function toStandardOutput(): Destination {
  const { stdout } = process
  if (stdout.isTTY) throw new StartupError('A backup is not text for a terminal: name a file, or redirect the output.')
  // Each write reports its own error; without a listener the stream would throw it a second time.
  stdout.on('error', () => {})
  return async (bytes) => {
    for await (const chunk of bytes) {
      await new Promise<void>((resolve, reject) => {
        stdout.write(chunk, (error) =>
          error ? reject(new StartupError(`Standard output: ${reasonOf(error)}.`)) : resolve(),
        )
      })
    }
  }
}

async function append(file: FileHandle, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) {
    for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Runs work on a file; what the system refuses becomes a message that names the file. @throws StartupError */
export async function onFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StartupError || !hasCode(error)) throw error
    throw new StartupError(`${path} cannot be written: ${reasonOf(error)}.`, { cause: error })
  }
}

function hasCode(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'syscall' in error
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  EPIPE: 'nothing reads it any more',
}

function reasonOf(error: unknown): string {
  const code = errnoOf(error)
  return reasons[code] ?? (error instanceof Error ? error.message : String(error))
}
