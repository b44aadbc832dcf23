/** Files for troubleshooting: logs as they are, and a debug bundle that only the maker of the machine can open. */

import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, open, readdir, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { tarEnd, tarHeader, tarPadding } from './tar.ts'

/** A file of a bundle. */
export interface BundleFile {
  readonly name: string
  /** A file on disk, of which the end is taken when it is long, or text. */
  readonly from: { readonly path: string } | { readonly text: string }
}

export interface BuiltFile {
  readonly path: string
  readonly size: number
}

const maxFileBytes = 32 * 1024 ** 2
const maxTotalBytes = 256 * 1024 ** 2

/** Writes a gzipped tar of the files into a new file of this folder. What cannot be read is left out. */
export async function buildArchive(folder: string, files: readonly BundleFile[]): Promise<BuiltFile> {
  const source = Readable.from(tarOf(files)).pipe(createGzip({ level: 6 }))
  return writeFrom(folder, source)
}

/** Writes bytes into a new private file of this folder. */
export async function writeFrom(folder: string, bytes: AsyncIterable<Uint8Array>): Promise<BuiltFile> {
  const path = join(folder, `.bundle-${randomBytes(8).toString('hex')}`)
  const file = await open(path, 'wx', 0o600)
  let size = 0
  try {
    for await (const chunk of bytes) {
      for (let written = 0; written < chunk.length; ) written += (await file.write(chunk, written)).bytesWritten
      size += chunk.length
    }
  } catch (error) {
    await file.close()
    await rm(path, { force: true })
    throw error
  }
  await file.close()
  return { path, size }
}

const blockBytes = 262_144

/** The bytes of a built file, which is unlinked once reading begins, so that nothing has to remove it. */
export async function* takeBuilt({ path }: BuiltFile): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r')
  try {
    await rm(path, { force: true })
    for (;;) {
      const block = Buffer.allocUnsafe(blockBytes)
      const { bytesRead } = await file.read(block, 0, blockBytes)
      if (bytesRead === 0) return
      yield block.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** An uncompressed tar of whole files that do not change. */
export async function* tarOfBuilt(
  files: readonly { readonly name: string; readonly built: BuiltFile }[],
): AsyncGenerator<Uint8Array> {
  const time = Math.floor(Date.now() / 1000)
  for (const { name, built } of files) {
    yield tarHeader({ name, size: built.size, time })
    yield* takeBuilt(built)
    yield tarPadding(built.size)
  }
  yield tarEnd
}

/** The regular files of a folder, and those that match `*` in the last part of a path. Links are not followed. */
export async function logFiles(folder: string, patterns: readonly string[]): Promise<BundleFile[]> {
  const files: BundleFile[] = []
  for (const pattern of [`${folder}/*`, ...patterns]) {
    const place = await realpath(dirname(pattern)).catch(() => undefined)
    if (place === undefined) continue
    const matcher = new RegExp(`^${basename(pattern).split('*').map(escaped).join('.*')}$`)
    for (const name of (await readdir(place).catch(() => [])).sort()) {
      const path = join(place, name)
      if (!matcher.test(name) || !(await lstat(path).catch(() => undefined))?.isFile()) continue
      const inside = pattern === `${folder}/*` ? `appliance/${name}` : `system${place}/${name}`
      if (!files.some((one) => one.name === inside)) files.push({ name: inside, from: { path } })
    }
  }
  return files
}

async function* tarOf(files: readonly BundleFile[]): AsyncGenerator<Uint8Array> {
  let total = 0
  const time = Math.floor(Date.now() / 1000)
  for (const { name, from } of files) {
    if (total >= maxTotalBytes) break
    if ('text' in from) {
      const bytes = Buffer.from(from.text)
      total += bytes.length
      yield tarHeader({ name, size: bytes.length, time })
      yield bytes
      yield tarPadding(bytes.length)
      continue
    }
    const size = await stat(from.path).then(
      (found) => found.size,
      () => 0,
    )
    const kept = Math.min(size, maxFileBytes, maxTotalBytes - total)
    if (kept === 0) continue
    total += kept
    yield tarHeader({ name, size: kept, time })
    yield* exactly(kept, from.path, size - kept)
    yield tarPadding(kept)
  }
  yield tarEnd
}

/** Exactly this many bytes, whatever happens to the file in the meantime. */
async function* exactly(count: number, path: string, start: number): AsyncGenerator<Uint8Array> {
  let left = count
  try {
    for await (const chunk of createReadStream(path, { start, end: start + count - 1 }) as AsyncIterable<Uint8Array>) {
      yield chunk.subarray(0, left)
      left -= Math.min(left, chunk.length)
    }
  } catch {
    // What is missing is filled up below.
  }
  for (; left > 0; left -= Math.min(left, 65_536)) yield Buffer.alloc(Math.min(left, 65_536))
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
