import { type Content, ContentHash } from '../content.ts'
import type { Driver, FileRecord } from '../drivers/contract.ts'
import { DriverError } from '../drivers/error.ts'

/** Bytes hashed before others get a turn: hashing is the one thing here that takes the processor. */
const turnBytes = 4 * 1024 * 1024

/** Reads a file of exactly this fingerprint. @throws DriverError `changed` */
export async function contentOf(driver: Driver, file: FileRecord, signal: AbortSignal): Promise<Content> {
  const hash = new ContentHash(file.size)
  let inTurn = 0
  if (file.size > 0) {
    for await (const bytes of driver.read(file.name, file.fingerprint, 0, file.size)) {
      signal.throwIfAborted()
      hash.update(bytes)
      inTurn += bytes.length
      if (inTurn < turnBytes) continue
      inTurn = 0
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const content = hash.finish()
  if (content === undefined) throw new DriverError('changed', `${file.name}: the file changed while it was read`)
  return content
}
