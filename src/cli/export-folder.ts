/**
 * A folder with a downloaded export: its parts, and a description that tells which they are, so that the command can go on
 * after a failure and an import can tell that none is missing.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { onFile } from '../backup/file.ts'
import { StartupError } from '../model/startup-error.ts'

const Part = z.object({
  file: z.string().regex(/^[^/\0]+$/),
  /** Bytes. */
  length: z.number().int().positive(),
  etag: z.string(),
  cursor: z.string().optional(),
})

const Description = z.object({
  domain: z.string(),
  /** The server's job that makes the export. */
  job: z.string(),
  /** Absent while it is being made. */
  export: z.string().optional(),
  created_at: z.string().optional(),
  expires_at: z.string().optional(),
  /** Bytes of files and versions in it. */
  files_size: z.number().optional(),
  /** Absent: everything. */
  with_doctypes: z.array(z.string()).optional(),
  parts: z.array(Part).default([]),
  /** Of an earlier export, which are there until this one is made. */
  former: z.array(Part).default([]),
})

/** What is known of an export that is being downloaded, or was. */
export type ExportDescription = z.infer<typeof Description>
export type DescribedPart = z.infer<typeof Part>

const ending = '.export.json'
/** Of a file whose download has not ended. */
export const partialEnding = '.partial'

/** Makes the folder if it does not exist, readable by its owner only. @throws StartupError */
export async function makeFolder(folder: string): Promise<void> {
  await onFile(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }))
}

/** Names of the files of an export of an instance. */
export function fileNameOf(domain: string, number: number, count: number): string {
  const name = plainName(domain)
  return count === 1 ? `${name}.zip` : `${name}-part${String(number).padStart(3, '0')}.zip`
}

export function descriptionPath(folder: string, domain: string): string {
  return join(folder, `${plainName(domain)}${ending}`)
}

/** `undefined` when there is none. @throws StartupError when it cannot be read */
export async function readDescription(path: string): Promise<ExportDescription | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new StartupError(`${path} cannot be read: ${error.message}`, { cause: error })
  })
  if (text === undefined) return undefined
  const parsed = Description.safeParse(jsonIn(text))
  if (!parsed.success) throw new StartupError(`${path} does not describe an export: move it away`)
  return parsed.data
}

/** Replaces the description as a whole. @throws StartupError */
export async function writeDescription(path: string, description: ExportDescription): Promise<void> {
  const draft = `${path}${partialEnding}`
  await onFile(path, async () => {
    await writeFile(draft, `${JSON.stringify(description, null, 2)}\n`, { mode: 0o600, flush: true })
    await rename(draft, path)
  })
}

/** Deletes what was downloaded of an export. */
export async function removeParts(folder: string, { parts }: Pick<ExportDescription, 'parts'>): Promise<void> {
  for (const { file } of parts) {
    await rm(join(folder, file), { force: true })
    await rm(join(folder, file + partialEnding), { force: true })
  }
}

/** Whether a part has been downloaded whole. */
export async function isComplete(folder: string, { file, length }: DescribedPart): Promise<boolean> {
  return (await sizeOf(join(folder, file))) === length
}

/** Bytes of a file; 0 when there is none. */
export async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

/** Throws when the file system has less room than that. */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= bytes) return
  throw new StartupError(`${folder} has room for ${free} bytes and needs ${bytes}: free some, or use another folder`)
}

/** Has the names of a folder's files on disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The descriptions in a folder, by their paths. */
export async function descriptionsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name))
}

/** The description of the export that a file is a part of. */
export async function descriptionOf(folder: string, file: string): Promise<ExportDescription | undefined> {
  for (const path of await descriptionsIn(folder)) {
    const found = await readDescription(path).catch(() => undefined)
    if (found?.parts.some((part) => part.file === basename(file))) return found
  }
  return undefined
}

function plainName(domain: string): string {
  return domain.replaceAll(/[^A-Za-z0-9.-]/g, '_').replace(/^\./, '_')
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
