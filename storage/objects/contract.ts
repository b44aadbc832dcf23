/**
 * What Hearth asks of the place that keeps bytes. The comments state the guarantees that every implementation must give;
 * `test/conformance/objects.ts` proves them. An implementation knows names and bytes, but nothing about files or tenants.
 *
 * Names are any text of 1 to 1,000 bytes without U+0000 (`key.ts`: S3 allows 1,024 bytes, and what file systems and S3
 * servers do not take is escaped); others are `bad_request`. `/` has no meaning but for prefixes: `a` and `a/b` are two
 * objects. Every failure of the place itself is a `Problem` `store_unavailable` (503) or, when it is full,
 * `store_full` (507).
 */

export interface ObjectStat {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** Base64 of the 16 bytes, taken while the object was written; never the ETag of an S3 store. */
  readonly md5: string
  readonly contentType: string
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
}

/** What was received, before anyone can see it. */
export interface ReceivedObject {
  readonly size: number
  /** Base64 of the 16 bytes. */
  readonly md5: string
}

export interface PutOptions {
  /** Default `application/octet-stream`, also for what is not printable ASCII of at most 200 characters. */
  readonly contentType?: string
  /** The number of bytes to come, where known: small and large objects are stored differently. Not checked. */
  readonly size?: number | undefined
  /**
   * The object may be lost or damaged when the machine loses power, despite what `put` guarantees otherwise: for content that
   * can be sent again and is checked when it is read. Default false.
   */
  readonly isTransient?: boolean
  /** Called when the last byte has arrived; what it throws is thrown by `put`, and no object is stored. */
  readonly accept?: (received: ReceivedObject) => void
}

/** Bytes `start` to `end`, both included. `end` may lie beyond the last byte. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface OpenObject {
  readonly stat: ObjectStat
  /** The bytes asked for; cancelling it releases everything that was held for it. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
}

export interface ObjectPage {
  /** In byte order of the names. `md5` and `contentType` are not listed: `stat` tells them. */
  readonly objects: readonly Pick<ObjectStat, 'name' | 'size' | 'modifiedMs'>[]
  /** There may be more after the last one. */
  readonly more: boolean
}

export interface ObjectStore {
  /**
   * Stores what `body` gives, in place of an object of that name. Guarantees: nobody sees a part of an object; when the
   * promise resolves the object is on disk; when it rejects (also because `body` did) the object that was there before
   * is still there, and no part of the new one stays. Memory does not grow with the size; back-pressure reaches `body`.
   */
  put(name: string, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<ObjectStat>
  /** `undefined` when there is no such object. A range that starts beyond the end has an empty body. */
  get(name: string, range?: ByteRange): Promise<OpenObject | undefined>
  stat(name: string): Promise<ObjectStat | undefined>
  /** One page of the names that begin with `prefix`, after `after`. `limit` is at most 1,000. */
  list(prefix: string, page: { readonly after?: string | undefined; readonly limit: number }): Promise<ObjectPage>
  /** Inside the store, without the bytes passing through this process where it can. False when there is no `from`. */
  copy(from: string, to: string): Promise<boolean>
  /** Any number of names; those that do not exist are not an error. Gone when the promise resolves. */
  delete(names: readonly string[]): Promise<void>
  /** Removes invisible remains of interrupted writes that are older than `olderThanMs`. Resolves to how many. */
  sweepAbandoned(olderThanMs: number): Promise<number>
  /** Resolves when the store answers and can be written to; rejects with `store_unavailable` or `store_full`. */
  ping(): Promise<void>
  close(): Promise<void>
}
