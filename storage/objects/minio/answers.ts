/** Reads what S3 servers answer. */

import type { IncomingMessage } from 'node:http'
import { toText } from '@std/streams'
import { S3Error } from 'minio'
import { streamFrom } from '../../../src/platform/stream-from.ts'
import { inTime } from './transport.ts'

/** The description of an object, from its headers. */
export interface Head {
  readonly size: number
  readonly etag: string
  readonly modifiedMs: number
  readonly contentType: string | undefined
  /** From the metadata; large objects have none there. */
  readonly md5: string | undefined
}

/** The whole body. For small ones: it has to come within the time for an answer. */
export async function textOf(response: IncomingMessage): Promise<string> {
  return inTime(toText(streamFrom(response)), () => response.destroy())
}

/** The headers of an answer that has the object, or a range of it. */
export function headOf({ headers }: IncomingMessage): Head {
  const md5 = headers['x-amz-meta-md5']
  const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]
  return {
    size: Number(total ?? headers['content-length'] ?? 0),
    etag: unquoted(headers.etag),
    modifiedMs: timeOf(headers['last-modified']) ?? 0,
    contentType: headers['content-type'],
    md5: typeof md5 === 'string' ? md5 : undefined,
  }
}

/**
 * The ETag in the answer to a copy. Such answers may begin with 200 before the outcome is known; when they hold an error
 * it is thrown.
 */
export function copiedEtag(xml: string): string {
  const code = /<Error>[\s\S]*?<Code>([^<]*)/.exec(xml)?.[1]
  if (code !== undefined) throw s3Error(code)
  return unquoted(/<ETag>([^<]*)/.exec(xml)?.[1])
}

/** An error such as the client makes of an answer with this code. */
export function s3Error(code: string, message = code): S3Error {
  return Object.assign(new S3Error(message), { code })
}

/** An ETag without its quotes, which XML may have escaped. */
export function unquoted(etag: string | undefined): string {
  return (etag ?? '').replace(/&quot;|&#34;|"/g, '')
}

/** Milliseconds since 1970 of a date in a header. */
export function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return Number.isNaN(time) ? undefined : time
}
