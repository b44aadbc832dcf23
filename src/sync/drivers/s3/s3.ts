/** A bucket, or the part of one below a prefix. */

import { createHash } from 'node:crypto'
import { toText } from '@std/streams'
import { z } from 'zod'
import { streamFrom } from '../../../platform/stream-from.ts'
import {
  type Driver,
  type DriverContext,
  type DriverKind,
  type FileRecord,
  isOwn,
  type Listed,
  listingPage,
  markerName,
  ownFolder,
  remoteCapabilities,
  type Stage,
  type StageRequest,
  stageFolder,
  type TrashPlace,
} from '../contract.ts'
import { DriverError } from '../error.ts'
import { commonOptions } from '../options.ts'
import type { Bucket, BucketHead, OpenBucket } from './bucket.ts'
import { onBucket } from './failures.ts'

/** What a server copies at once (Amazon S3, CopyObject). */
const maxBytes = 5 * 1024 ** 3

export interface S3Services {
  readonly openBucket: OpenBucket
  /** Refuses addresses that only the operator may name. */
  readonly checkHost: (host: string) => Promise<void>
}

/** `s3`: any server that speaks Amazon's S3. */
export function s3Kind(services: S3Services): DriverKind {
  return {
    name: 's3',
    summary: 'A bucket of a server that speaks S3.',
    options: z.strictObject({
      endpoint: z.url({ protocol: /^https?$/ }).describe('Address of the server, such as https://s3.example.org.'),
      bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'it is not the name of a bucket'),
      access_key: z.string().min(1),
      secret_key: z.string().min(1),
      region: z.string().min(1).optional(),
      prefix: z
        .string()
        .regex(/^([^/\0]+\/)*[^/\0]+$/, 'it must be a path without a slash at its ends')
        .optional()
        .describe('Everything lies below this path.'),
      ...commonOptions,
    }),
    secrets: ['secret_key'],
    velocity: 0.6,
    checkDays: 0,
    rescanMs: 60_000,
    open: (options, context) => openS3(services, options, context),
  }
}

async function openS3(
  { openBucket, checkHost }: S3Services,
  options: Readonly<Record<string, unknown>>,
  { trusted }: DriverContext,
): Promise<Driver> {
  const endpoint = new URL(String(options['endpoint']))
  const tls = endpoint.protocol === 'https:'
  if (!trusted) {
    // A name may resolve elsewhere later: only a certificate proves that it is still the same server.
    if (!tls) throw new DriverError('options', 'endpoint: it must be https')
    await checkHost(endpoint.hostname)
  }
  const bucket = openBucket({
    host: endpoint.hostname.replace(/^\[|\]$/g, ''),
    port: endpoint.port === '' ? undefined : Number(endpoint.port),
    tls,
    accessKey: String(options['access_key']),
    secretKey: String(options['secret_key']),
    bucket: String(options['bucket']),
    region: options['region'] === undefined ? undefined : String(options['region']),
  })
  if (!(await onBucket('the bucket', () => bucket.hasBucket()))) {
    throw new DriverError('options', `bucket: ${options['bucket']} does not exist`)
  }
  return newDriver(bucket, options['prefix'] === undefined ? '' : `${options['prefix']}/`)
}

function newDriver(bucket: Bucket, prefix: string): Driver {
  const keyOf = (name: string) => prefix + name
  const trashKey = ({ key, name }: TrashPlace) =>
    keyOf(`${ownFolder}/trash/${key}/${name.slice(name.lastIndexOf('/') + 1)}`)
  const stageKey = (key: string) => keyOf(`${stageFolder}/${key}`)

  /** Copies exactly this content to a free name, and returns what is there then. */
  async function copyTo(from: string, fingerprint: string, to: string, name: string): Promise<FileRecord> {
    if ((await bucket.head(to)) !== undefined) throw new DriverError('exists', `${name}: something is there already`)
    const isCopied = await bucket.copy(from, etagOf(fingerprint), to, {})
    if (!isCopied) throw new DriverError('changed', `${name}: the object has changed`)
    const head = await bucket.head(to)
    if (head === undefined) throw new DriverError('changed', `${name}: the copy no longer exists`)
    return recordOf(name, head)
  }

  async function setAside(name: string, expected: string, trash: TrashPlace): Promise<void> {
    const isCopied = await bucket.copy(keyOf(name), etagOf(expected), trashKey(trash), {})
    if (!isCopied) throw new DriverError('changed', `${name}: the object has changed`)
  }

  return {
    capabilities: remoteCapabilities,

    identity: () =>
      onBucket(markerName, async () => {
        const got = await bucket.get(keyOf(markerName), {})
        if (got.state !== 'found') return undefined
        return (await toText(streamFrom(got.response))).trim()
      }),
    mark: (token) =>
      onBucket(markerName, async () => void (await bucket.put(keyOf(markerName), Buffer.from(`${token}\n`), {}))),

    async *list(below) {
      const start = keyOf(below === undefined || below === '' ? '' : `${below}/`)
      let next: string | undefined = ''
      while (next !== undefined) {
        const at: string = next
        const page = await onBucket('the bucket', () => bucket.list(start, at === '' ? {} : { next: at }, listingPage))
        const listed: Listed[] = []
        for (const { key, ...head } of page.keys) {
          const name = key.slice(prefix.length)
          if (isOwn(name) || name.endsWith('/')) continue
          listed.push({ kind: 'file', file: recordOf(name, head) })
        }
        yield listed
        next = page.next
      }
    },
    stat: (name) =>
      onBucket(name, async () => {
        const head = await bucket.head(keyOf(name))
        return head && { kind: 'file', file: recordOf(name, head) }
      }),
    async *read(name, fingerprint, start, end) {
      if (start === end) return
      const range = { start, end: end - 1 }
      const got = await onBucket(name, () => bucket.get(keyOf(name), { range, etag: etagOf(fingerprint) }))
      if (got.state === 'absent') throw new DriverError('not_found', `${name}: the object no longer exists`)
      if (got.state !== 'found') throw new DriverError('changed', `${name}: the object has changed`)
      try {
        for await (const chunk of got.response) yield chunk as Uint8Array
      } catch (error) {
        throw new DriverError('unavailable', `${name}: the transfer was cut short`, { cause: error })
      } finally {
        got.response.destroy()
      }
    },

    async stage(key, request): Promise<Stage> {
      const { name, size } = request
      if (isOwn(name)) throw new DriverError('name', `${name}: the name is reserved`)
      if (Buffer.byteLength(keyOf(name)) > 1_024)
        throw new DriverError('name', `${name}: the key has more than 1024 bytes`)
      if (size > maxBytes) throw new DriverError('space', `${name}: an object of this driver has at most 5 GiB`)
      return size > request.chunkBytes ? largeStage(key, request) : smallStage(request)
    },
    sweepStages: (keep) =>
      onBucket('the stages', async () => {
        const start = stageKey('')
        for await (const upload of bucket.uploads()) {
          if (upload.key.startsWith(start) && !keep.has(upload.key.slice(start.length))) {
            await bucket.abortUpload(upload.key, upload.uploadId)
          }
        }
      }),

    remove: (name, fingerprint, trash) =>
      onBucket(name, async () => {
        if ((await bucket.head(keyOf(name))) === undefined) return
        await setAside(name, fingerprint, trash)
        // Copying takes a while: what someone has put there in the meantime stays.
        await checkBefore(name, fingerprint)
        await bucket.remove([keyOf(name)])
      }),
    move: (from, fingerprint, to) =>
      onBucket(from, async () => {
        const moved = await copyTo(keyOf(from), fingerprint, keyOf(to), to)
        const left = await bucket.head(keyOf(from))
        // What someone has put there in the meantime stays, as a new file.
        if (left !== undefined && fingerprintOf(left) === fingerprint) await bucket.remove([keyOf(from)])
        return moved
      }),

    isTrashed: (trash) => onBucket(trash.name, async () => (await bucket.head(trashKey(trash))) !== undefined),
    restore: (trash, to) =>
      onBucket(to, async () => {
        const head = await bucket.head(trashKey(trash))
        if (head === undefined) throw new DriverError('not_found', `${trash.name}: it is not in the trash`)
        const restored = await copyTo(trashKey(trash), fingerprintOf(head), keyOf(to), to)
        await bucket.remove([trashKey(trash)])
        return restored
      }),
    purge: (trash) => onBucket(trash.name, () => bucket.remove([trashKey(trash)])),
    space: async () => undefined,
    close: async () => {},
  }

  /** Kept in memory and put in one request, under a condition that the server checks. */
  function smallStage({ name, size }: StageRequest): Stage {
    let content = Buffer.alloc(0)
    return {
      staged: 0,
      readBack: () => undefined,
      write: async (_start, bytes) => {
        content = Buffer.from(bytes)
      },
      commit: (expected, trash) =>
        onBucket(name, async () => {
          if (content.length !== size) throw new DriverError('corrupt', `${name}: staged bytes are missing`)
          const condition: Record<string, string> =
            expected === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${etagOf(expected)}"` }
          await checkBefore(name, expected)
          if (expected !== undefined) await setAside(name, expected, trash)
          await bucket.put(keyOf(name), content, condition)
          return published(name, createHash('md5').update(content).digest('hex'), size)
        }),
      abort: async () => {
        content = Buffer.alloc(0)
      },
      close: async () => {},
    }
  }

  /** Uploaded in parts beside, copied into its place inside the server. */
  async function largeStage(key: string, { name, size }: StageRequest): Promise<Stage> {
    const at = stageKey(key)
    const uploadId = await onBucket(name, () => bucket.startUpload(at, {}))
    const parts: { part: number; etag: string }[] = []
    let isOpen = true
    const abort = async () => {
      if (isOpen) await onBucket(name, () => bucket.abortUpload(at, uploadId)).catch(() => {})
      isOpen = false
    }
    return {
      staged: 0,
      readBack: () => undefined,
      write: (_start, bytes) =>
        onBucket(name, async () => {
          parts.push(await bucket.uploadPart(at, uploadId, parts.length + 1, Buffer.from(bytes)))
        }),
      commit: (expected, trash) =>
        onBucket(name, async () => {
          await checkBefore(name, expected)
          await bucket.completeUpload(at, uploadId, parts)
          isOpen = false
          try {
            const staged = await bucket.head(at)
            if (staged?.size !== size) throw new DriverError('corrupt', `${name}: staged bytes are missing`)
            if (expected !== undefined) await setAside(name, expected, trash)
            await checkBefore(name, expected)
            if (!(await bucket.copy(at, staged.etag, keyOf(name), {}))) {
              throw new DriverError('unavailable', `${name}: the staged object no longer exists`)
            }
            const head = await bucket.head(keyOf(name))
            if (head === undefined) throw new DriverError('changed', `${name}: the object no longer exists`)
            return recordOf(name, head)
          } finally {
            await bucket.remove([at])
          }
        }),
      abort,
      close: abort,
    }
  }

  async function checkBefore(name: string, expected: string | undefined): Promise<void> {
    const head = await bucket.head(keyOf(name))
    if (expected === undefined && head !== undefined) {
      throw new DriverError('exists', `${name}: something is there already`)
    }
    if (expected !== undefined && (head === undefined || fingerprintOf(head) !== expected)) {
      throw new DriverError('changed', `${name}: the object has changed`)
    }
  }

  /** What was put, unless someone has already replaced it: then its fingerprint matches nothing. */
  async function published(name: string, md5: string, size: number): Promise<FileRecord> {
    const head = await bucket.head(keyOf(name))
    if (head === undefined) throw new DriverError('changed', `${name}: the object no longer exists`)
    const record = recordOf(name, head)
    return head.etag === md5 && head.size === size ? record : { ...record, fingerprint: `${record.fingerprint}:unsure` }
  }
}

function recordOf(name: string, head: BucketHead): FileRecord {
  const fingerprint = fingerprintOf(head)
  return { name, size: head.size, mtimeMs: head.modifiedMs, fingerprint, key: fingerprint }
}

function fingerprintOf({ etag, size }: Pick<BucketHead, 'etag' | 'size'>): string {
  return `${etag}:${size}`
}

function etagOf(fingerprint: string): string {
  return fingerprint.slice(0, fingerprint.indexOf(':'))
}
