/**
 * Builds the one-file binary: `bun build/compile.ts [--target linux-x64|linux-arm64] [--entry FILE] [--outfile FILE]`.
 * The file for arm64 is built here and never executed: there is no such machine where Hearth is made.
 */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { codecFiles } from '../src/thumbnails/codec-files.ts'
import { pack, packedNames } from '../storage/postgres/embedded/packed.ts'
import { readServerPackage } from '../storage/postgres/embedded/server-package.ts'
import type { Processor } from './elf.ts'
import { checkPackage, postgresPackage } from './postgres-package.ts'

const root = resolve(import.meta.dir, '..')
const cache = join(root, '.cache')

/** What may be built. `baseline` runs on every x64 processor; the ordinary base needs one with AVX2. */
const targets: Record<string, { processor: Processor; base: string; outfile: string }> = {
  'linux-x64': { processor: 'x64', base: 'bun-linux-x64-baseline', outfile: 'dist/hearth' },
  'linux-arm64': { processor: 'arm64', base: 'bun-linux-arm64', outfile: 'dist/hearth-linux-arm64' },
}

const { values } = parseArgs({
  args: Bun.argv.slice(2),
  options: {
    target: { type: 'string', default: 'linux-x64' },
    entry: { type: 'string', default: join(root, 'src/main.ts') },
    outfile: { type: 'string' },
  },
})

const target = targets[values.target]
if (!target) throw new Error(`--target ${values.target}: use one of ${Object.keys(targets).join(', ')}`)
const outfile = resolve(root, values.outfile ?? target.outfile)

const assets = await packedPostgres(target.processor)
await copyCodecs(assets)
await compile(target.base, assets)
console.log(`${outfile}: ${megabytes((await stat(outfile)).size)}`)

/** The folder with the packed server, made once for each version of the package and of its list of files. */
async function packedPostgres(processor: Processor): Promise<string> {
  const files = await readServerPackage(await postgresPackage(processor, root, cache))
  const folder = join(cache, `postgres-linux-${processor}-${files.manifest.id}`)
  // Its last part is the name under which the binary knows these files.
  const assets = join(folder, 'assets')
  if (!existsSync(folder)) {
    await checkPackage(files, processor)
    const draft = `${folder}.${process.pid}`
    await mkdir(join(draft, 'assets'), { recursive: true })
    const inDraft = (name: string) => join(draft, 'assets', name)
    await pack(files, inDraft(packedNames.manifest), inDraft(packedNames.contents))
    await rename(draft, folder)
  }
  const { size } = await stat(join(assets, packedNames.contents))
  const unpacked = files.manifest.files.reduce((sum, file) => sum + file.size, 0)
  console.log(
    `PostgreSQL ${files.manifest.version} for ${processor}: ${megabytes(unpacked)} packed into ${megabytes(size)}`,
  )
  return assets
}

/** The codecs of images, which are the same for every processor. */
async function copyCodecs(assets: string): Promise<void> {
  for (const file of Object.values(codecFiles)) {
    await copyFile(join(root, 'node_modules', '@jsquash', file), join(assets, basename(file)))
  }
}

async function compile(base: string, assets: string): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true })
  const flags = [
    `--target=${base}`,
    // Names stay: some failures of the PostgreSQL driver are known by theirs alone.
    '--minify-syntax',
    '--minify-whitespace',
    '--sourcemap',
    '--bytecode',
    '--format=esm',
    // An import that is only known at run time would be looked for on the user's disk.
    '--reject-unresolved',
    // An optional native part of ssh2, which only looks up a faster cipher and does without where it is missing.
    '--external=cpu-features',
    // A binary must not take settings from whatever folder it is started in.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    '--compile-exec-argv=--max-http-header-size=65536',
    `--asset=${assets}`,
    `--outfile=${outfile}`,
  ]
  const build = Bun.spawn([process.execPath, 'build', '--compile', ...flags, values.entry], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if ((await build.exited) !== 0) throw new Error('bun build failed')
  await rm(`${outfile}.map`, { force: true })
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
