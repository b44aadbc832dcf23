/**
 * Objects in a bucket of an S3 server, under their keys. Only what S3 itself has is used; MinIO is the server that the
 * tests run. What Hearth keeps for itself in the bucket has keys that belong to no name: notes beside objects (see
 * `checksums.ts`) and `#ping`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { defaultContentType, keptContentType } from '../../../src/model/content-type.ts'
import { Problem } from '../../../src/model/errors.ts'
import { StartupError } from '../../../src/model/startup-error.ts'
import { inParallel } from '../bounded.ts'
import type { ObjectPage, ObjectStat, ObjectStore } from '../contract.ts'
import { compareBytes, keyOf, keyPrefixOf, nameOf } from '../key.ts'
import type { Head } from './answers.ts'
import { besideKey, newChecksums } from './checksums.ts'
import { type CopyLimits, copyObject } from './copying.ts'
import { codeOf, isRefusal, s3Problem } from './failures.ts'
import type { ListedKey } from './listing.ts'
import { type BucketPlace, bucketPlace } from './place.ts'
import { bodyOf } from './response-body.ts'
import { newS3, type S3 } from './s3.ts'
import { upload } from './upload.ts'

export interface MinioOptions {
  /** `s3://...` or `s3+http://...`. */
  readonly url: string
  /** Told about problems that do not prevent the start. */
  readonly log: (event: string, detail: Readonly<Record<string, unknown>>) => void
  /** For tests: what is too large to be copied at once. */
  readonly copyLimits?: CopyLimits
}

/** Objects may be replaced between two requests about them; more failures in a row have another cause. */
const attempts = 5
const namesPerRemoval = 500

/**
 * Opens the store, making its bucket. A server that does not answer may do so later: the store opens, and every operation
 * fails until then. Throws StartupError when the server rejects our credentials or bucket.
 */
export async function openMinioObjects({ url, log, copyLimits }: MinioOptions): Promise<ObjectStore> {
  const place = bucketPlace(url)
  const bucket = newBucket(newS3(place))
  try {
    await bucket.open()
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal !== undefined) {
      throw new StartupError(`objects_url: ${whereIs(place)} cannot be used: ${refusal}`, { cause: error })
    }
    log('the object store does not answer yet', { error })
  }
  return storeIn(bucket, copyLimits)
}

/** The state of a bucket, without changing anything. */
export interface BucketFinding {
  /** `refused`: the server has answered, and a start would fail. */
  readonly state: 'there' | 'missing' | 'refused' | 'silent'
  readonly text: string
}

/** Checks whether the bucket can be used. Throws StartupError for anything but such a URL. */
export async function inspectBucket(url: string): Promise<BucketFinding> {
  const place = bucketPlace(url)
  const where = whereIs(place)
  try {
    if (await newS3(place).hasBucket()) return { state: 'there', text: where }
    return { state: 'missing', text: `${where} will be made by the first start` }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal !== undefined) return { state: 'refused', text: `${where} cannot be used: ${refusal}` }
    const reason = error instanceof Error ? error.message : String(error)
    return { state: 'silent', text: `${where} does not answer: ${reason}` }
  }
}

function whereIs({ bucket, host }: BucketPlace): string {
  return `the bucket ${bucket} at ${host}`
}

/** The server's reason for rejecting us; `undefined` for other failures. */
function refusalOf(error: unknown): string | undefined {
  const cause = error instanceof Problem ? error.cause : error
  return isRefusal(cause) && cause instanceof Error ? `${codeOf(cause)}: ${cause.message}` : undefined
}

/** A bucket that is made when it is first reached. */
function newBucket(s3: S3) {
  let opening: Promise<S3> | undefined
  const make = async () => {
    try {
      if (!(await s3.hasBucket())) await s3.makeBucket()
    } catch (error) {
      throw s3Problem(error)
    }
    await ping(s3)
    return s3
  }
  return {
    s3,
    open(): Promise<S3> {
      opening ??= make().catch((error: unknown) => {
        opening = undefined
        throw error
      })
      return opening
    },
  }
}

async function ping(s3: S3): Promise<void> {
  await s3.put('#ping', Buffer.alloc(0), { 'content-type': defaultContentType })
}

function storeIn(bucket: ReturnType<typeof newBucket>, copyLimits: CopyLimits | undefined): ObjectStore {
  const { open } = bucket
  const checksums = newChecksums(bucket.s3)
  const parts = { s3: bucket.s3, checksums }

  /** `undefined` when the object was replaced or removed meanwhile. */
  async function described(name: string, key: string, head: Head): Promise<ObjectStat | undefined> {
    const md5 = await checksums.of(key, head)
    const { size, modifiedMs, contentType = defaultContentType } = head
    return md5 === undefined ? undefined : { name, size, md5, contentType, modifiedMs }
  }

  async function stat(name: string): Promise<ObjectStat | undefined> {
    const key = keyOf(name)
    const s3 = await open()
    return settled(async () => {
      const head = await s3.head(key)
      return head === undefined ? { value: undefined } : valued(await described(name, key, head))
    })
  }

  return {
    stat,

    async put(name, body, options = {}) {
      const key = keyOf(name)
      await open()
      const contentType = keptContentType(options.contentType)
      const stored = await upload(parts, key, body, { ...options, contentType })
      return { name, ...stored, contentType }
    },

    async get(name, range) {
      const key = keyOf(name)
      const s3 = await open()
      return settled(async () => {
        const isEmpty = range !== undefined && range.end < range.start
        const got = isEmpty ? ({ state: 'beyond' } as const) : await s3.get(key, { range })
        if (got.state === 'beyond') {
          const found = await stat(name)
          return { value: found && { stat: found, body: new Blob([]).stream() } }
        }
        if (got.state !== 'found') return { value: undefined }
        try {
          const found = await described(name, key, got.head)
          if (found !== undefined) return { value: { stat: found, body: bodyOf(got.response, got.length) } }
          got.response.destroy()
          return undefined
        } catch (error) {
          got.response.destroy()
          throw error
        }
      })
    },

    async list(prefix, { after, limit }) {
      const keyPrefix = keyPrefixOf(prefix)
      const afterKey = after ? keyOf(after) : ''
      const s3 = await open()
      const objects: ObjectPage['objects'][number][] = []
      for await (const { key, size, modifiedMs } of keysBehind(s3, keyPrefix, afterKey, Math.min(limit, 1_000))) {
        const name = nameOf(key)
        if (name?.startsWith(prefix)) objects.push({ name, size, modifiedMs })
        if (objects.length === limit) return { objects, more: true }
      }
      return { objects, more: false }
    },

    async copy(from, to) {
      const [source, target] = [keyOf(from), keyOf(to)]
      await open()
      return copyObject(parts, source, target, copyLimits)
    },

    async delete(names) {
      const keys = names.map(keyOf)
      const s3 = await open()
      const batches = Array.from({ length: Math.ceil(keys.length / namesPerRemoval) }, (_, index) =>
        keys.slice(index * namesPerRemoval, (index + 1) * namesPerRemoval),
      )
      await inParallel(batches, 2, (batch) => s3.remove(batch.flatMap((key) => [key, besideKey(key)])))
    },

    async sweepAbandoned(olderThanMs) {
      const s3 = await open()
      let swept = 0
      for await (const { key, uploadId, startedMs } of s3.uploads()) {
        if (Date.now() - startedMs < olderThanMs) continue
        await s3.abortUpload(key, uploadId)
        swept++
      }
      return swept
    },

    async ping() {
      await ping(await open())
    },

    async close() {},
  }
}

/**
 * The keys with this prefix after `after`. A server that says there are no more is not believed before an empty
 * page: MinIO says so too early when `after` lies in a folder.
 */
async function* keysBehind(s3: S3, prefix: string, after: string, pageSize: number): AsyncGenerator<ListedKey, void> {
  // MinIO takes no prefix that ends like a path to the folder above.
  const taken = prefix.replace(/(^|\/)\.{1,2}$/, '$1')
  for (let from: { after?: string; next?: string } = { after }; ; ) {
    const { keys, next } = await s3.list(taken, from, pageSize)
    yield* keys.filter(({ key }) => key.startsWith(prefix))
    const last = keys.at(-1)?.key
    if (next !== undefined) from = { next }
    else if (last !== undefined && compareBytes(last, from.after ?? '') > 0) from = { after: last }
    else return
  }
}

/** Asks again while the answer is `undefined`, which means that the object was replaced between two requests. */
async function settled<T>(ask: () => Promise<{ readonly value: T } | undefined>): Promise<T> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const answer = await ask()
    if (answer !== undefined) return answer.value
    await pause(10)
  }
  throw new Problem('store_unavailable', 'The object keeps changing.')
}

function valued<T>(value: T | undefined): { readonly value: T } | undefined {
  return value === undefined ? undefined : { value }
}
