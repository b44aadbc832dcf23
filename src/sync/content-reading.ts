/** Reads files for users, in any process: a place is opened for as long as the read takes. */
import type { FileDetail } from '../../storage/sync/contract.ts'
import { Problem } from '../model/errors.ts'
import { DriverError } from './drivers/error.ts'
import type { Sync } from './sync.ts'

/** Bytes `start` (included) to `end` (excluded) of the newest content. @throws Problem 503 when no entry gives them now */
export async function openContent(
  sync: Pick<Sync, 'store' | 'kinds' | 'seal'>,
  { state: { file, replicas } }: FileDetail,
  start: number,
  end: number,
): Promise<ReadableStream<Uint8Array>> {
  const entries = new Map((await sync.store.entries()).map((entry) => [entry.name, entry]))
  for (const { entry: name, base, native, fingerprint } of replicas) {
    const entry = entries.get(name)
    const kind = entry && sync.kinds.get(entry.driver)
    if (base !== file.head || fingerprint === null || entry?.desired !== 'active' || entry.held !== '' || !kind)
      continue
    const stop = new AbortController()
    try {
      const options = sync.seal.open(entry.options, kind.secrets)
      const driver = await kind.open(options, { signal: stop.signal, trusted: entry.trusted })
      const bytes = driver.read(native, fingerprint, start, end)[Symbol.asyncIterator]()
      const first = await bytes.next()
      return streamOf(first, bytes, async () => {
        stop.abort()
        await driver.close()
      })
    } catch (error) {
      stop.abort()
      if (!(error instanceof DriverError)) throw error
    }
  }
  throw new Problem('store_unavailable', 'no entry gives this content at the moment', {
    headers: { 'retry-after': '1' },
  })
}

function streamOf(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
  close: () => Promise<void>,
): ReadableStream<Uint8Array> {
  let next: IteratorResult<Uint8Array> | undefined = first
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = next ?? (await rest.next())
        next = undefined
        if (done) {
          controller.close()
          await close()
        } else controller.enqueue(value)
      },
      async cancel() {
        await rest.return?.()
        await close()
      },
    },
    { highWaterMark: 1 },
  )
}
