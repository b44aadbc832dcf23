/**
 * The order in which bytes and documents are written: a lease, the bytes, the document that names them. What
 * fails in between leaves an object without a document, which is discarded here, or by the sweeper after a crash.
 */
import type { ObjectStore, ReceivedObject } from '../../storage/objects/contract.ts'
import type { Leases } from './leases.ts'
import { overMaximum, overQuota, wrongChecksum, wrongLength } from './problems.ts'
import { maxFileBytes } from './quota.ts'
import type { Bytes, ContentClaims } from './service.ts'

export interface Storing {
  readonly objects: ObjectStore
  readonly leases: Leases
  /** Ends the lease at once and deletes the object, unless a commit took it. Never rejects. */
  readonly giveUp: (object: string) => Promise<void>
}

/** Lets `write` store an object and `commit` write the document that names it; the object is deleted when either fails. */
export async function withNewObject<Written, Result>(
  { leases, giveUp }: Pick<Storing, 'leases' | 'giveUp'>,
  object: string,
  write: () => Promise<Written>,
  commit: (written: Written) => Promise<Result>,
): Promise<Result> {
  await leases.take(object)
  try {
    const result = await commit(await write())
    leases.release(object)
    return result
  } catch (error) {
    leases.release(object)
    await giveUp(object)
    throw error
  }
}

export interface Received {
  readonly size: number
  /** Base64 of the 16 bytes. */
  readonly md5sum: string
}

/**
 * Stores the incoming bytes, no more than announced and no more than fit.
 * @throws Problem 412 for another length or sum than announced, 413 for too many bytes
 */
export async function receive(
  objects: Pick<ObjectStore, 'put'>,
  object: string,
  body: Bytes,
  claims: Pick<ContentClaims, 'size' | 'md5'> & { readonly mime: string; readonly room: number | undefined },
): Promise<Received> {
  const { size, md5 } = await objects.put(object, metered(body, claims), {
    contentType: claims.mime,
    size: claims.size,
    accept: (received) => checkReceived(received, claims),
  })
  return { size, md5sum: md5 }
}

/** Passes bytes on and fails at the first one over a limit. */
async function* metered(
  body: Bytes,
  { size, room }: Pick<ContentClaims, 'size'> & { readonly room: number | undefined },
): AsyncGenerator<Uint8Array> {
  let received = 0
  for await (const chunk of body) {
    received += chunk.byteLength
    if (size !== undefined && received > size) throw wrongLength()
    if (received > maxFileBytes) throw overMaximum()
    if (room !== undefined && received > room) throw overQuota()
    yield chunk
  }
}

function checkReceived(received: ReceivedObject, { size, md5 }: Pick<ContentClaims, 'size' | 'md5'>): void {
  if (size !== undefined && received.size !== size) throw wrongLength()
  if (md5 !== undefined && received.md5 !== md5) throw wrongChecksum()
}
