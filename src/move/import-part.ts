/** Fetches a part of an archive into the object store, where it can be read at any place. */
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { ZipSource } from '../archive/zip-source.ts'
import type { Outgoing } from '../outgoing/outgoing.ts'
import { ImportFailure } from './import-failure.ts'
import type { Manifest } from './manifest.ts'
import { objectSource } from './object-source.ts'

export interface FetchOptions {
  readonly outgoing: Pick<Outgoing, 'fetch'>
  readonly objects: Pick<ObjectStore, 'put' | 'get'>
  readonly signal: AbortSignal
  /** Bytes. */
  readonly maxBytes: number
  /** Called with the bytes received since the last call. */
  readonly progress: (bytes: number) => void
}

/** The part as a source of its bytes. @throws ImportFailure when it does not come, or not whole */
export async function fetchPart(
  options: FetchOptions,
  manifest: Manifest,
  cursor: string | undefined,
  object: string,
): Promise<ZipSource> {
  const { outgoing, objects, signal, maxBytes } = options
  const url = new URL(manifest.url.replace('/move/exports/', '/move/exports/data/'))
  if (cursor !== undefined) url.searchParams.set('cursor', cursor)
  const response = await outgoing.fetch(url, { signal, maxBytes, answerMs: 300_000 })
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw new ImportFailure('a part of the archive is not there any more')
  }
  const announced = response.headers.get('content-length')
  const { size } = await objects.put(object, counted(response.body, options.progress), { isTransient: true })
  if (announced !== null && Number(announced) !== size) throw new ImportFailure('a part of the archive broke off')
  return objectSource(objects, object, size)
}

async function* counted(body: ReadableStream<Uint8Array>, progress: (bytes: number) => void) {
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    progress(chunk.byteLength)
    yield chunk
  }
}
