/** The zip files that an import is given: which belong together, and what they hold. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readDirectory } from '../archive/zip-directory.ts'
import { openZipFile } from '../archive/zip-source.ts'
import { Problem } from '../model/errors.ts'
import { StartupError } from '../model/startup-error.ts'
import { placeOf } from '../move/import-rules.ts'
import { descriptionOf, descriptionsIn, type ExportDescription, isComplete, readDescription } from './export-folder.ts'

export interface ArchiveFile {
  readonly path: string
  /** Bytes. */
  readonly length: number
}

export interface ArchiveFiles {
  /** The first part first. */
  readonly files: readonly ArchiveFile[]
  /** Of what the zips hold: equal ones have the same names, sizes and checksums. */
  readonly fingerprint: string
  /** Bytes of all entries, unpacked. */
  readonly size: number
  /** Bytes of files and versions among them. */
  readonly filesSize: number
  /** What was exported; absent: everything, as far as is known. */
  readonly doctypes: readonly string[] | undefined
}

/**
 * Looks at the files before anything is sent. `paths`: all parts of one export, or the folder that `hearth export` has filled.
 * @throws StartupError for a part that is missing or none
 */
export async function readArchiveFiles(paths: readonly string[]): Promise<ArchiveFiles> {
  const { parts, description } = await partsOf(paths)
  const hash = createHash('sha256')
  const files: ArchiveFile[] = []
  let [size, filesSize] = [0, 0]
  for (const path of parts) {
    const { length, entries } = await entriesOf(path)
    files.push({ path, length })
    hash.update(`${length}\n`)
    let isExport = false
    for (const { name, crc, size: bytes } of entries) {
      hash.update(name).update(`\0${crc}\0${bytes}\n`)
      size += bytes
      const { kind } = placeOf(name.toString())
      if (kind === 'content') filesSize += bytes
      isExport ||= kind === 'document'
    }
    if (!isExport) throw new StartupError(`${path} is not a part of an export: it has no "My Cozy/Data" in it`)
  }
  const expected = description?.files_size
  if (expected !== undefined && expected !== filesSize) {
    throw new StartupError(
      `the archive holds ${filesSize} bytes of files and should hold ${expected}: download it again`,
    )
  }
  return { files, fingerprint: hash.digest('hex'), size, filesSize, doctypes: description?.with_doctypes }
}

interface Parts {
  readonly parts: readonly string[]
  readonly description: ExportDescription | undefined
}

async function partsOf(paths: readonly string[]): Promise<Parts> {
  const [first = ''] = paths
  const isFolder = await stat(first).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (isFolder) {
    if (paths.length > 1) throw new StartupError('name the folder of one export, or the files of one')
    return partsIn(first)
  }
  const folder = dirname(first)
  const description = await descriptionOf(folder, first)
  if (description === undefined) {
    requireAllNumbers(paths)
    return { parts: inOrder(paths), description }
  }
  const given = new Set(paths.map((path) => basename(path)))
  const missing = description.parts.find(({ file }) => !given.has(file))
  if (missing !== undefined) throw new StartupError(`the archive has another part: name ${missing.file} too`)
  if (paths.length !== description.parts.length) throw new StartupError('these are not parts of one export')
  return { parts: await whole(folder, description), description }
}

async function partsIn(folder: string): Promise<Parts> {
  const [path, ...others] = await descriptionsIn(folder)
  if (path === undefined) throw new StartupError(`${folder} has no export in it: name its zip files`)
  if (others.length > 0) throw new StartupError(`${folder} has several exports in it: name the zip files of one`)
  const description = await readDescription(path)
  if (description === undefined || description.parts.length === 0) {
    throw new StartupError(`${folder} has an export that was not downloaded: run hearth export again`)
  }
  return { parts: await whole(folder, description), description }
}

async function whole(folder: string, { parts }: ExportDescription): Promise<readonly string[]> {
  for (const part of parts) {
    if (!(await isComplete(folder, part))) {
      throw new StartupError(`${join(folder, part.file)} is not whole: run hearth export again`)
    }
  }
  return parts.map(({ file }) => join(folder, file))
}

const numbered = /part(\d{3,})\.zip$/

/** Without a description only a gap can be noticed, and not that the last parts are missing. */
function requireAllNumbers(paths: readonly string[]): void {
  const numbers = paths.map((path) => Number(numbered.exec(path)?.[1] ?? Number.NaN))
  if (numbers.some(Number.isNaN)) return
  const there = new Set(numbers)
  const gap = numbers.findIndex((_, at) => !there.has(at))
  if (gap >= 0) throw new StartupError(`the archive's part ${String(gap).padStart(3, '0')} is missing`)
}

function inOrder(paths: readonly string[]): readonly string[] {
  const numberOf = (path: string) => Number(numbered.exec(path)?.[1] ?? 0)
  return [...paths].sort((a, b) => numberOf(a) - numberOf(b))
}

async function entriesOf(path: string) {
  const source = await openZipFile(path).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'it does not exist' : error.message
    throw new StartupError(`${path} cannot be read: ${reason}`, { cause: error })
  })
  try {
    return { length: source.size, entries: (await readDirectory(source, Number.POSITIVE_INFINITY)).records }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    throw new StartupError(`${path} is not a whole zip file`, { cause: error })
  } finally {
    await source.close()
  }
}
