import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { createTarPacker, type TarPackController } from 'modern-tar'
import type { SavedObjects, StoreSnapshot } from '../../storage/backup/contract.ts'
import { equalBlocks } from '../archive/equal-blocks.ts'
import { version } from '../version.ts'
import {
  type Checksums,
  checksumName,
  contentTypeKeyword,
  formatVersion,
  type Manifest,
  manifestName,
  maxPartBytes,
  objectEntryName,
  objectLine,
  partName,
} from './format.ts'

/** Accepts all bytes of a backup, at its own pace. */
export type Destination = (bytes: AsyncIterable<Uint8Array>) => Promise<void>

/** Writes a snapshot as a backup file. Memory does not grow with the amount of data: a slow destination slows the reading. */
export async function writeBackup(
  snapshot: StoreSnapshot,
  objects: SavedObjects,
  destination: Destination,
): Promise<Manifest> {
  const { readable, controller } = createTarPacker()
  const created = new Date()
  const manifest: Manifest = {
    format: formatVersion,
    hearth: version,
    created_at: created.toISOString(),
    ...snapshot.contents,
  }
  // A failure on either side ends the other through the tar between them, and is thrown by the pipeline.
  const filled = fill(new Archive(controller, created), manifest, snapshot, objects).catch((error: unknown) => {
    controller.error(error)
  })
  try {
    await pipeline(readable, createGzip(), (bytes: AsyncIterable<Uint8Array>) => destination(bytes))
    return manifest
  } finally {
    await filled
  }
}

async function fill(
  archive: Archive,
  manifest: Manifest,
  snapshot: StoreSnapshot,
  objects: SavedObjects,
): Promise<void> {
  const manifestText = encode(manifest)
  await archive.add(manifestName, manifestText)
  const tables: Checksums['tables'] = {}
  for (const table of manifest.tables) {
    const hash = createHash('sha256')
    let number = 0
    for await (const part of equalBlocks(snapshot.read(table), maxPartBytes)) {
      hash.update(part)
      await archive.add(partName(table.name, ++number), part)
    }
    tables[table.name] = hash.digest('hex')
  }
  const revisions = await snapshot.revisions()
  const saved = await addObjects(archive, objects, Date.parse(manifest.created_at))
  const checksums: Checksums = { manifest: sha256(manifestText), tables, revisions, objects: saved }
  await archive.add(checksumName, encode(checksums))
  archive.end()
}

/** An object that came this much later than the snapshot is not in its documents, whatever the two clocks say. */
const clockSkewMs = 60_000

async function addObjects(archive: Archive, objects: SavedObjects, snapshotMs: number): Promise<Checksums['objects']> {
  const hash = createHash('sha256')
  let count = 0
  let after: string | undefined
  for (;;) {
    const page = await objects.list('', { after, limit: 1_000 })
    for (const { name, modifiedMs } of page.objects) {
      after = name
      if (modifiedMs > snapshotMs + clockSkewMs) continue
      const found = await objects.get(name)
      if (found === undefined) continue
      await archive.addStream(objectEntryName(name), found.stat, found.body)
      hash.update(objectLine(found.stat))
      count += 1
    }
    if (!page.more) return { count, sha256: hash.digest('hex') }
  }
}

class Archive {
  readonly #controller: TarPackController
  readonly #mtime: Date

  constructor(controller: TarPackController, mtime: Date) {
    this.#controller = controller
    this.#mtime = mtime
  }

  async add(name: string, bytes: Uint8Array): Promise<void> {
    const writer = this.#controller.add({ name, size: bytes.length, mode: 0o600, mtime: this.#mtime }).getWriter()
    if (bytes.length > 0) await writer.write(bytes)
    await writer.close()
  }

  async addStream(
    name: string,
    { size, contentType, modifiedMs }: { size: number; contentType: string; modifiedMs: number },
    body: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const pax = { [contentTypeKeyword]: contentType }
    const writer = this.#controller.add({ name, size, mode: 0o600, mtime: new Date(modifiedMs), pax }).getWriter()
    for await (const chunk of body) await writer.write(chunk)
    await writer.close()
  }

  end(): void {
    this.#controller.finalize()
  }
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
