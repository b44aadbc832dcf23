/** The S3 requests that the store is built on, over the client package: one retry policy, one treatment of failures. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'minio'
import type { ByteRange } from '../contract.ts'
import { copiedEtag, type Head, headOf, s3Error, textOf, timeOf, unquoted } from './answers.ts'
import { codeOf, isPassing, orProblem, s3Problem, unless } from './failures.ts'
import { type KeyPage, keyPageOf, listingQuery } from './listing.ts'
import type { BucketPlace } from './place.ts'
import { timedTransport } from './transport.ts'

export interface Part {
  readonly part: number
  readonly etag: string
}

export interface RunningUpload {
  readonly key: string
  readonly uploadId: string
  readonly startedMs: number
}

/** The outcome of a GET. `replaced`: the object is not the one asked for; `beyond`: the range begins after its end. */
export type Got =
  | { readonly state: 'absent' | 'replaced' | 'beyond' }
  | { readonly state: 'found'; readonly head: Head; readonly length: number; readonly response: IncomingMessage }

export type Headers = Readonly<Record<string, string>>
export type S3 = ReturnType<typeof newS3>

const absent = ['NoSuchKey', 'NotFound']
const states: Readonly<Record<string, 'absent' | 'replaced' | 'beyond'>> = {
  NoSuchKey: 'absent',
  PreconditionFailed: 'replaced',
  InvalidRange: 'beyond',
}
/** Waits before the second and the third try. Every request may be repeated: its body is in memory. */
const pausesMs = [100, 400]

/** The runtime copies what is written to a socket in one go: a whole part would then be in memory twice. */
const sliceBytes = 256 * 1024

function* slices(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += sliceBytes) yield body.subarray(at, at + sliceBytes)
}

/** Requests to one bucket. Failures are Problems, except where a comment says otherwise. */
export function newS3(place: BucketPlace) {
  const { bucket: bucketName } = place
  // Without a region the client asks for it, again after every failure. Only Amazon's hosts cannot do without.
  const region = place.region ?? (place.host.endsWith('amazonaws.com') ? undefined : 'us-east-1')
  const client = new Client({
    endPoint: place.host,
    useSSL: place.tls,
    accessKey: place.accessKey,
    secretKey: place.secretKey,
    transport: timedTransport(place.tls),
    retryOptions: { disableRetry: true },
    ...(place.port === undefined ? {} : { port: place.port }),
    ...(region === undefined ? {} : { region }),
  })

  interface Asked {
    readonly method: string
    readonly key?: string
    readonly query?: string
    readonly headers?: Headers
    readonly body?: Buffer
    readonly statuses?: number[]
  }

  function ask({ method, key, query = '', headers, body, statuses = [200] }: Asked): Promise<IncomingMessage> {
    const object = key === undefined ? {} : { objectName: key }
    // The client writes into the headers.
    const options = () => ({ method, bucketName, query, headers: { ...headers }, ...object })
    if (body === undefined || body.length <= sliceBytes) {
      return repeated(() => client.makeRequestAsync(options(), body ?? '', statuses))
    }
    const sha256 = place.tls ? '' : createHash('sha256').update(body).digest('hex')
    const sized = () => {
      const { headers, ...rest } = options()
      return { ...rest, headers: { ...headers, 'content-length': body.length } }
    }
    const send = () =>
      client.makeRequestStreamAsync(sized(), Readable.from(slices(body)), sha256, statuses, region ?? '')
    return repeated(send)
  }

  async function tell(asked: Asked): Promise<IncomingMessage> {
    const response = await ask(asked)
    await textOf(response)
    return response
  }

  return {
    /** Whether the bucket is there. Failures are rethrown as the client reports them. */
    async hasBucket(): Promise<boolean> {
      try {
        await tell({ method: 'GET', query: 'list-type=2&max-keys=1' })
        return true
      } catch (error) {
        if (codeOf(error) === 'NoSuchBucket') return false
        throw error
      }
    },

    /** Failures are rethrown as the client reports them. */
    async makeBucket(): Promise<void> {
      await client.makeBucket(bucketName, region ?? '').catch((error: unknown) => {
        // Another process was faster.
        if (codeOf(error) !== 'BucketAlreadyOwnedByYou') throw error
      })
    },

    head(key: string): Promise<Head | undefined> {
      return unless(absent, undefined, async () => headOf(await tell({ method: 'HEAD', key })))
    },

    /** The body is not read yet. `etag`: only this version. */
    async get(key: string, only: { readonly range?: ByteRange | undefined; readonly etag?: string }): Promise<Got> {
      const headers: Headers = {
        ...(only.range && { range: `bytes=${only.range.start}-${only.range.end}` }),
        ...(only.etag && { 'if-match': `"${only.etag}"` }),
      }
      try {
        const response = await ask({ method: 'GET', key, headers, statuses: [200, 206] })
        const length = Number(response.headers['content-length'] ?? 0)
        return { state: 'found', head: headOf(response), length, response }
      } catch (error) {
        const state = states[codeOf(error)]
        if (state !== undefined) return { state }
        throw s3Problem(error)
      }
    },

    /** Stores a small object in one request. Resolves to the server's time. */
    put(key: string, body: Buffer, headers: Headers): Promise<number> {
      return orProblem(async () => {
        const response = await tell({ method: 'PUT', key, headers, body })
        return timeOf(response.headers.date) ?? Date.now()
      })
    },

    /** Inside the server, at most 5 GiB. False when the source does not exist, or is not the one with this `etag`. */
    copy(from: string, etag: string, to: string, headers: Headers): Promise<boolean> {
      const all = { ...headers, ...sourceHeaders(from, etag), 'x-amz-metadata-directive': 'REPLACE' }
      return unless([...absent, 'PreconditionFailed'], false, async () => {
        return copiedEtag(await textOf(await ask({ method: 'PUT', key: to, headers: all }))) !== ''
      })
    },

    startUpload(key: string, headers: Headers): Promise<string> {
      return orProblem(() => repeated(() => client.initiateNewMultipartUpload(bucketName, key, { ...headers })))
    },

    uploadPart(key: string, uploadId: string, part: number, body: Buffer): Promise<Part> {
      return orProblem(async () => {
        const md5 = place.tls ? { 'content-md5': md5Of(body) } : {}
        const response = await tell({ method: 'PUT', key, query: partQuery(uploadId, part), headers: md5, body })
        return { part, etag: unquoted(response.headers.etag) }
      })
    },

    /** A part that is already in the store. `undefined` when the source does not exist, or is another one. */
    copyPart(
      key: string,
      uploadId: string,
      part: number,
      source: { readonly key: string; readonly etag: string; readonly range: ByteRange },
    ): Promise<Part | undefined> {
      const range = `bytes=${source.range.start}-${source.range.end}`
      const headers = { ...sourceHeaders(source.key, source.etag), 'x-amz-copy-source-range': range }
      return unless([...absent, 'PreconditionFailed'], undefined, async () => {
        const query = partQuery(uploadId, part)
        return { part, etag: copiedEtag(await textOf(await ask({ method: 'PUT', key, query, headers }))) }
      })
    },

    /** Assembles the object from its parts; resolves to its ETag. Not repeated: a second try would not find the upload. */
    completeUpload(key: string, uploadId: string, parts: readonly Part[]): Promise<string> {
      return orProblem(async () => {
        return (await client.completeMultipartUpload(bucketName, key, uploadId, [...parts])).etag
      })
    },

    /** An upload that does not exist is not an error. */
    async abortUpload(key: string, uploadId: string): Promise<void> {
      const query = `uploadId=${encodeURIComponent(uploadId)}`
      await unless([...absent, 'NoSuchUpload'], undefined, () =>
        tell({ method: 'DELETE', key, query, statuses: [204] }),
      )
    },

    /** All uploads that were begun and not ended. */
    async *uploads(): AsyncGenerator<RunningUpload, void> {
      let [key, id] = ['', '']
      for (;;) {
        const ask = () => client.listIncompleteUploadsQuery(bucketName, '', key, id, '')
        const page = await orProblem(() => repeated(ask))
        for (const one of page.uploads) yield { ...one, startedMs: new Date(one.initiated).getTime() }
        if (!page.isTruncated) return
        ;[key, id] = [page.nextKeyMarker, page.nextUploadIdMarker]
      }
    },

    /** One page of keys after `after`, or from where `next` of another page says. */
    async list(prefix: string, { after = '', next = '' }, limit: number): Promise<KeyPage> {
      const query = listingQuery(prefix, { after, next }, limit)
      return orProblem(() =>
        repeated(async () => {
          const response = await client.makeRequestAsync({ method: 'GET', bucketName, query })
          const page = keyPageOf(await textOf(response))
          if (page.next !== undefined && page.next === next) throw new Error('the listing does not go on')
          return page
        }),
      )
    },

    /** At most 1,000 keys; those that do not exist are not an error. */
    async remove(keys: readonly string[]): Promise<void> {
      // XML, in which keys are sent together, has no way to write these two characters.
      const apart = keys.filter((key) => /[\uFFFE\uFFFF]/.test(key))
      for (const key of apart) {
        await unless(absent, undefined, () => tell({ method: 'DELETE', key, statuses: [200, 204] }))
      }
      const together = keys.filter((key) => !apart.includes(key))
      if (together.length === 0) return
      const removeAll = async () => {
        for (const answer of await client.removeObjects(bucketName, together)) {
          const { Code, Message } = (answer ?? {}) as { Code?: string; Message?: string }
          if (Code !== undefined && Code !== 'NoSuchKey') throw s3Error(Code, Message)
        }
      }
      await orProblem(() => repeated(removeAll))
    },
  }

  function sourceHeaders(key: string, etag: string): Headers {
    const path = key.split('/').map(encodeURIComponent).join('/')
    return { 'x-amz-copy-source': `/${bucketName}/${path}`, 'x-amz-copy-source-if-match': `"${etag}"` }
  }
}

function partQuery(uploadId: string, part: number): string {
  return `partNumber=${part}&uploadId=${encodeURIComponent(uploadId)}`
}

function md5Of(body: Buffer): string {
  return createHash('md5').update(body).digest('base64')
}

async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (const wait of pausesMs) {
    try {
      return await work()
    } catch (error) {
      if (!isPassing(error)) throw error
      await pause(wait * (0.5 + Math.random()))
    }
  }
  return work()
}
