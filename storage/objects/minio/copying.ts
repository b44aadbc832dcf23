/** Copies inside the server. The md5 is known beforehand, so that the copy has it in its metadata, however large. */

import { defaultContentType } from '../../../src/model/content-type.ts'
import { Problem } from '../../../src/model/errors.ts'
import { inParallel } from '../bounded.ts'
import type { Checksums } from './checksums.ts'
import type { S3 } from './s3.ts'

/** The most that S3 copies in one request. */
const maxAtOnceBytes = 5 * 1024 ** 3
const partBytes = 1024 ** 3
const attempts = 5

export interface CopyLimits {
  readonly maxAtOnceBytes: number
  readonly partBytes: number
}

/** False when there is no source. A source that is replaced during the copy is copied again. */
export async function copyObject(
  { s3, checksums }: { readonly s3: S3; readonly checksums: Checksums },
  from: string,
  to: string,
  limits: CopyLimits = { maxAtOnceBytes, partBytes },
): Promise<boolean> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const head = await s3.head(from)
    if (head === undefined) return false
    const md5 = await checksums.of(from, head)
    if (md5 === undefined) continue
    const headers = { 'content-type': head.contentType ?? defaultContentType, 'x-amz-meta-md5': md5 }
    const source = { key: from, etag: head.etag, size: head.size }
    const copied =
      head.size <= limits.maxAtOnceBytes
        ? await s3.copy(from, head.etag, to, headers)
        : await copyInParts(s3, source, to, headers, limits.partBytes)
    if (copied) return true
  }
  throw new Problem('store_unavailable', 'The object to copy keeps changing.')
}

async function copyInParts(
  s3: S3,
  { key, etag, size }: { readonly key: string; readonly etag: string; readonly size: number },
  to: string,
  headers: Readonly<Record<string, string>>,
  partBytes: number,
): Promise<boolean> {
  const uploadId = await s3.startUpload(to, headers)
  const abort = () => s3.abortUpload(to, uploadId).catch(() => {})
  try {
    const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1)
    const parts = await inParallel(numbers, 4, (part) => {
      const range = { start: (part - 1) * partBytes, end: Math.min(part * partBytes, size) - 1 }
      return s3.copyPart(to, uploadId, part, { key, etag, range })
    })
    const present = parts.filter((part) => part !== undefined)
    if (present.length === parts.length) {
      await s3.completeUpload(to, uploadId, present)
      return true
    }
    await abort()
    return false
  } catch (error) {
    await abort()
    throw error
  }
}
