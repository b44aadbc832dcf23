/** Sends the bytes of a file or of a version: headers, conditions, ranges. */

import type { FileNode } from '../../src/files/node.ts'
import type { Drive, Files, Version } from '../../src/files/service.ts'
import { Problem } from '../../src/model/errors.ts'
import type { OpenObject } from '../../storage/objects/contract.ts'
import { type RangeAsked, rangeOf } from '../http/byte-range.ts'
import { precondition, rangeApplies } from '../http/conditional.ts'
import { contentDisposition } from '../http/content-disposition.ts'
import { type HttpContext, headerReader } from '../http/router.ts'
import { streamBytes } from '../http/stream.ts'
import { logFailure } from '../observe.ts'
import type { FilesServices } from './services.ts'

export interface Download {
  readonly drive: Drive
  readonly file: FileNode
  /** An older content of the file, instead of the current one. */
  readonly version?: Version | undefined
  /** For `Content-Disposition`; default: the file's. */
  readonly name?: string
  /** Save it instead of showing it. */
  readonly attachment: boolean
}

type Services = Pick<FilesServices, 'log'> & { readonly files: Pick<Files, 'open'> }

/**
 * Answers GET and HEAD: 200, 206, 304, 412 or 416 (RFC 9110 13.2.2). The tag is the md5 of the bytes, so that equal bytes
 * are never sent twice. Throws 404 when they are missing from the store.
 */
export async function sendContent(c: HttpContext, services: Services, download: Download): Promise<Response> {
  const content = download.version ?? download.file
  const etag = etagOf(content.md5sum)
  const modifiedMs = Date.parse(updatedAtOf(content))
  const read = headerReader(c)
  const common = commonHeaders(download.file.mime, etag, modifiedMs)

  const outcome = precondition(read, { etag, modifiedMs })
  if (outcome === 'failed') throw new Problem('precondition_failed', 'The content is not the one that was asked for')
  // Without a type, which would describe a body that is not sent.
  if (outcome === 'not_modified') return new Response(null, { status: 304, headers: validatorsOf(common) })

  // Ranges are for GET only (RFC 9110 14.2).
  const range = c.req.raw.method === 'GET' && rangeApplies(read, { etag }) ? read('range') : undefined
  const { asked, size, object } = await openRange(services.files, download.drive, content, range)
  if (object === undefined) {
    const headers = { 'content-range': `bytes */${size}`, 'accept-ranges': 'bytes' }
    throw new Problem('range_not_satisfiable', `There are only ${size} bytes`, { headers })
  }
  const kind = download.attachment ? 'attachment' : 'inline'
  const headers: Record<string, string> = {
    ...common,
    'content-disposition': contentDisposition(kind, download.name ?? download.file.name),
    'content-length': `${size}`,
  }
  if (asked.kind === 'part') {
    headers['content-length'] = `${asked.end - asked.start + 1}`
    headers['content-range'] = `bytes ${asked.start}-${asked.end}/${size}`
  }
  return streamBytes(c, {
    status: asked.kind === 'part' ? 206 : 200,
    headers,
    bytes: object.body,
    failed: (error) => logFailure(services.log, c, error),
  })
}

/**
 * Opens the requested bytes. The object's size decides: where a document disagrees, the announced length would
 * never be reached.
 */
async function openRange(
  files: Services['files'],
  drive: Drive,
  content: FileNode | Version,
  header: string | undefined,
): Promise<{ readonly asked: RangeAsked; readonly size: number; readonly object?: OpenObject }> {
  for (let size = content.size; ; ) {
    const asked = rangeOf(header, size)
    if (asked.kind === 'unsatisfiable') return { asked, size }
    const object = await files.open(drive, content, asked.kind === 'part' ? asked : undefined)
    if (object.stat.size === size) return { asked, size, object }
    size = object.stat.size
    await object.body.cancel()
  }
}

/** Everything that does not depend on the request. */
function commonHeaders(mime: string, etag: string, modifiedMs: number): Readonly<Record<string, string>> {
  return {
    'content-type': isMediaType(mime) ? mime : 'application/octet-stream',
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'content-security-policy': securityPolicy(mime),
    'x-content-type-options': 'nosniff',
    ...(etag === '""' ? {} : { etag }),
    // A time in the future is not sent (RFC 9110 8.8.2.1), since clients set the times of files.
    ...(Number.isNaN(modifiedMs) ? {} : { 'last-modified': new Date(Math.min(modifiedMs, Date.now())).toUTCString() }),
  }
}

/**
 * Files are shown under the same origin as the API: scripts in them must never run, nor forms be sent. Viewers of PDF are
 * scripts of the browser that a sandbox stops.
 */
export function securityPolicy(mime: string): string {
  return mime === 'application/pdf' ? "form-action 'none'" : "form-action 'none'; script-src 'none'; sandbox"
}

function validatorsOf(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(headers).filter(([name]) => ['etag', 'last-modified', 'cache-control'].includes(name))
  return Object.fromEntries(kept)
}

/** Replicated documents may hold any text as md5; headers may not. */
function etagOf(md5sum: string): string {
  return `"${md5sum.replace(/[^A-Za-z0-9+/=]/g, '')}"`
}

function isMediaType(mime: string): boolean {
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;[\x20-\x7e]*)?$/.test(mime)
}

function updatedAtOf(content: FileNode | Version): string {
  const at = content.value['updated_at']
  return typeof at === 'string' ? at : ''
}
