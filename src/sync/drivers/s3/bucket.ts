/** What the driver needs of an S3 client; Hearth's own object store has one that provides it. */
import type { IncomingMessage } from 'node:http'

export interface BucketHead {
  readonly size: number
  readonly etag: string
  readonly modifiedMs: number
}

export interface BucketAddress {
  readonly host: string
  readonly port: number | undefined
  readonly tls: boolean
  readonly accessKey: string
  readonly secretKey: string
  readonly bucket: string
  readonly region: string | undefined
}

type Headers = Readonly<Record<string, string>>

export interface Bucket {
  hasBucket(): Promise<boolean>
  head(key: string): Promise<BucketHead | undefined>
  get(
    key: string,
    only: { readonly range?: { readonly start: number; readonly end: number } | undefined; readonly etag?: string },
  ): Promise<
    | { readonly state: 'absent' | 'replaced' | 'beyond' }
    | { readonly state: 'found'; readonly response: IncomingMessage }
  >
  put(key: string, body: Buffer, headers: Headers): Promise<unknown>
  /** False when the source is not there, or is another one. */
  copy(from: string, etag: string, to: string, headers: Headers): Promise<boolean>
  startUpload(key: string, headers: Headers): Promise<string>
  uploadPart(
    key: string,
    uploadId: string,
    part: number,
    body: Buffer,
  ): Promise<{ readonly part: number; readonly etag: string }>
  completeUpload(
    key: string,
    uploadId: string,
    parts: readonly { readonly part: number; readonly etag: string }[],
  ): Promise<unknown>
  abortUpload(key: string, uploadId: string): Promise<void>
  uploads(): AsyncIterable<{ readonly key: string; readonly uploadId: string }>
  list(
    prefix: string,
    from: { readonly next?: string },
    limit: number,
  ): Promise<{ readonly keys: readonly (BucketHead & { readonly key: string })[]; readonly next: string | undefined }>
  remove(keys: readonly string[]): Promise<void>
}

export type OpenBucket = (address: BucketAddress) => Bucket
