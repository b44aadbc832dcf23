/**
 * Brings one content to a place: chunk by chunk, each verified before it is written, from whichever entry has it. What was
 * staged before is verified and kept.
 */
import type { Source, VersionRow } from '../../../storage/sync/contract.ts'
import { chunkBytes, chunkDigest, digestOf } from '../content.ts'
import type { Stage } from '../drivers/contract.ts'
import { DriverError, driverCode } from '../drivers/error.ts'
import { reachSync } from '../failpoints.ts'
import type { EngineContext, OwnEntry } from './context.ts'

/** Why work waits whose content no running entry has. */
export const noSource = 'no source'

/** No entry that runs has the content as it was known. */
export class NoSource extends Error {
  override readonly name = 'NoSource'
}

export interface Progress {
  readonly total: number
  done: number
}

/** Writes all chunks that the stage does not have yet. Resolves to how many bytes it had. */
export async function fillStage(
  context: EngineContext,
  entry: OwnEntry,
  stage: Stage,
  version: VersionRow,
  sources: readonly Source[],
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<number> {
  const size = chunkBytes(version.size)
  const verified = await verifiedChunks(stage, version, size)
  const resumed = Math.min(version.size, verified * size)
  progress.done = resumed
  const left = new Set(ranked(context, entry, sources))
  const read = (index: number) => {
    const [start, end] = [index * size, Math.min(version.size, (index + 1) * size)]
    const bytes = start < end ? readChunk(context, left, version, index, start, end) : undefined
    bytes?.catch(() => {})
    return { start, end, bytes }
  }
  // The next chunk is read while this one is written.
  for (let index = verified, next = read(index); next.bytes !== undefined; index++) {
    signal.throwIfAborted()
    const { start, end } = next
    const bytes = await next.bytes
    next = read(index + 1)
    await entry.bandwidth?.take(bytes.length, signal)
    await stage.write(start, bytes)
    await reachSync('copy:part')
    progress.done = end
  }
  return resumed
}

/** How many chunks of an earlier attempt are what they should be. */
async function verifiedChunks(stage: Stage, version: VersionRow, size: number): Promise<number> {
  let index = 0
  for (; index * size < stage.staged; index++) {
    const end = Math.min(version.size, (index + 1) * size)
    const back = stage.readBack(index * size, end)
    if (back !== undefined && digestOf(await joined(back)) !== chunkDigest(version.chunks, index)) break
  }
  return index
}

/** The nearest first; the entry itself is the nearest. */
function ranked(context: EngineContext, entry: OwnEntry, sources: readonly Source[]): Source[] {
  const rank = (source: Source) => (source.entry === entry.name ? 2 : (context.running(source.entry)?.velocity ?? 0))
  return sources.filter((source) => rank(source) > 0).sort((a, b) => rank(b) - rank(a))
}

/** Sources that turn out not to have it are taken out of `left`. */
async function readChunk(
  context: EngineContext,
  left: Set<Source>,
  version: VersionRow,
  index: number,
  start: number,
  end: number,
): Promise<Uint8Array> {
  for (const source of left) {
    const from = context.running(source.entry)
    if (from === undefined) continue
    try {
      await from.bandwidth?.take(end - start, from.signal)
      const bytes = await joined(from.driver.read(source.native, source.fingerprint, start, end))
      if (bytes.length === end - start && digestOf(bytes) === chunkDigest(version.chunks, index)) return bytes
      context.log.error('a file reads back differently than it was accepted', { entry: source.entry })
      from.hint(source.native)
      from.suspect(source.native)
    } catch (error) {
      if (!(error instanceof DriverError)) throw error
      if (error.code === 'changed' || error.code === 'not_found') from.hint(source.native)
      else if (driverCode(error) === 'unavailable') from.failed(error)
    }
    left.delete(source)
  }
  throw new NoSource('no running entry has this content')
}

async function joined(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)
}
