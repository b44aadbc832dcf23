/** Reads the parts of forms: small ones into memory, large ones into files, none before the request may. */
import { createHash } from 'node:crypto'
import { open, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Appliance } from '../../src/appliance/appliance.ts'
import { Problem } from '../../src/model/errors.ts'
import { incomingBytes } from '../http/incoming.ts'
import { multipartParts } from '../http/multipart.ts'
import { type HttpContext, header } from '../http/router.ts'

export interface FormLimits {
  /** Bytes of the whole body. */
  readonly total: number
  /** Bytes of each part that is kept in memory. */
  readonly each: number
}

export interface FormPart {
  /** Whether it has a file name: then it is a file, whatever the name. */
  readonly isFile: boolean
  readonly bytes: Uint8Array
}

const maxParts = 8
const textFieldBytes = 4_096
/** Bytes of a body that may wait in memory. */
const maxWaiting = 1024 ** 2
/** What the parts' heads and boundaries may take beside the contents. */
const envelopeBytes = 65_536

/** Limits for forms of a few short texts. */
export const textForm: FormLimits = { total: 65_536, each: textFieldBytes }

/**
 * The permitted parts of a form by name, the last of each. Throws `bad_request` for what is not a form and `too_large` for
 * what is larger than allowed.
 */
export async function readForm(
  c: HttpContext,
  appliance: Appliance,
  limits: FormLimits,
): Promise<Map<string, FormPart>> {
  const form = new Map<string, FormPart>()
  await eachPart(c, appliance, limits.total + envelopeBytes, async (name, isFile, body) => {
    const kept = await collect(name, body, isFile ? limits.each : textFieldBytes)
    if (appliance.permitsField(name)) form.set(name, { isFile, bytes: kept })
  })
  return form
}

/** A text field; `undefined` when it is absent or came as a file. Throws `bad_request` when it is not UTF-8. */
export function textField(form: ReadonlyMap<string, FormPart>, name: string): string | undefined {
  const part = form.get(name)
  if (part === undefined || part.isFile) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(part.bytes)
  } catch {
    throw new Problem('bad_request', `Missing or invalid string for option: ${name}. It is not UTF-8`)
  }
}

/** A file field. Throws `bad_request` when it is absent or came as a text. */
export function fileField(form: ReadonlyMap<string, FormPart>, name: string): Uint8Array {
  const part = form.get(name)
  if (part?.isFile !== true) throw new Problem('bad_request', `Missing file: ${name}`)
  return part.bytes
}

export interface StoredUpload {
  /** The file that holds what came. */
  readonly path: string
  readonly size: number
}

/**
 * Streams one file field into a file of ours, whatever the client calls it; it has its name when it is whole and on disk. Throws
 * `bad_request` when the field is absent, `too_large` above `maxBytes`, `store_full` when the disk has no room.
 */
export async function storeUpload(
  c: HttpContext,
  appliance: Appliance,
  { field, fileName, maxBytes }: { readonly field: string; readonly fileName: string; readonly maxBytes: number },
): Promise<StoredUpload> {
  const { uploads } = appliance.places
  const path = join(uploads, fileName)
  const draft = `${path}.part`
  const declared = Number(header(c, 'content-length') ?? 0)
  await refuseWithoutRoom(uploads, declared)
  let size: number | undefined
  try {
    await eachPart(c, appliance, maxBytes + envelopeBytes, async (name, isFile, body) => {
      if (name !== field || !isFile || !appliance.permitsField(name)) return drain(body)
      await rm(draft, { force: true })
      const file = await open(draft, 'wx', 0o600)
      try {
        size = 0
        for await (const chunk of body) {
          size += chunk.length
          if (size > maxBytes) throw tooLarge(maxBytes)
          for (let written = 0; written < chunk.length; ) written += (await file.write(chunk, written)).bytesWritten
        }
        await file.sync()
      } finally {
        await file.close()
      }
    })
    if (size === undefined) throw new Problem('bad_request', `Missing file: ${field}`)
    await rename(draft, path)
    return { path, size }
  } catch (error) {
    await rm(draft, { force: true })
    if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) {
      throw new Problem('bad_request', 'There is not enough room on the disk', { cause: error })
    }
    throw error
  }
}

async function refuseWithoutRoom(folder: string, bytes: number): Promise<void> {
  const { bsize, bavail } = await statfs(folder)
  if (bytes + 64 * 1024 ** 2 > bsize * bavail) {
    throw new Problem('bad_request', `There is not enough room on the disk for ${bytes} bytes`)
  }
}

async function eachPart(
  c: HttpContext,
  appliance: Appliance,
  maxBytes: number,
  take: (name: string, isFile: boolean, body: AsyncIterable<Uint8Array>) => Promise<unknown>,
): Promise<void> {
  const type = header(c, 'content-type')
  const declared = Number(header(c, 'content-length') ?? 0)
  if (declared > maxBytes) throw tooLarge(maxBytes)
  const bytes = watched(c, appliance, maxBytes)
  try {
    await takeParts(type, bytes, take)
    // What follows the last part is read too: a signature covers all of it.
    await drain(bytes)
  } finally {
    // Otherwise whoever reads no further is watched for ever, and the connection cut under later requests.
    await bytes.return(undefined)
  }
}

async function takeParts(
  type: string | undefined,
  bytes: AsyncGenerator<Uint8Array>,
  take: (name: string, isFile: boolean, body: AsyncIterable<Uint8Array>) => Promise<unknown>,
): Promise<void> {
  if (/^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(type ?? '')) {
    const text = Buffer.from(await collect('form', bytes, textForm.total)).toString('utf8')
    for (const [name, value] of new URLSearchParams(text))
      await take(name, false, [Buffer.from(value)].values() as never)
    return
  }
  let count = 0
  for await (const { headers, body } of multipartParts(bytes, boundaryOf(type), { free: true })) {
    count += 1
    if (count > maxParts) throw new Problem('too_large', `More than ${maxParts} parts`)
    const { name, isFile } = disposition(headers.get('content-disposition'))
    if (name === undefined) await drain(body)
    else await take(name, isFile, body)
  }
}

/** Ends uploads that stand still or crawl, that are larger than they may be, or not what was signed. */
async function* watched(c: HttpContext, { limits }: Appliance, maxBytes: number): AsyncGenerator<Uint8Array> {
  const { uploadIdleMs, uploadGraceMs, uploadMinRate } = limits()
  const began = Date.now()
  const incoming = c.env?.incoming
  const signed = header(c, 'authorization')?.startsWith('Jido-HMAC ') ? createHash('sha256') : undefined
  let total = 0
  let last = began
  const timer = setInterval(() => {
    const now = Date.now()
    const slow = now - began > uploadGraceMs && (total * 1000) / (now - began) < uploadMinRate
    if (slow || now - last > uploadIdleMs) incoming?.socket?.destroy()
  }, 1_000)
  try {
    for await (const chunk of incomingBytes(c)) {
      last = Date.now()
      total += chunk.length
      signed?.update(chunk)
      if (total > maxBytes) throw tooLarge(maxBytes)
      // A connection that was deciphered in front of the HTTP server is read by it however much waits already.
      if (incoming !== undefined && incoming.readableLength > maxWaiting) incoming.socket.pause()
      else incoming?.socket.resume()
      yield chunk
    }
    const digest = header(c, 'x-content-sha256') ?? createHash('sha256').digest('hex')
    if (signed !== undefined && signed.digest('hex') !== digest.toLowerCase()) {
      throw new Problem('forbidden', 'The body is not the one that was signed')
    }
  } finally {
    incoming?.socket.resume()
    clearInterval(timer)
  }
}

function boundaryOf(type: string | undefined): string {
  if (type === undefined || !/^\s*multipart\/form-data\s*(;|$)/i.test(type)) {
    throw new Problem('bad_request', 'The body must be multipart/form-data')
  }
  const [, quoted, token] = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70})(?=[\s;]|$))/i.exec(type) ?? []
  const boundary = quoted ?? token
  if (boundary === undefined)
    throw new Problem('bad_request', 'The multipart body has no boundary of 1 to 70 characters')
  return boundary
}

function disposition(value: string | undefined): { name: string | undefined; isFile: boolean } {
  if (value === undefined || !/^\s*form-data\s*(;|$)/i.test(value)) return { name: undefined, isFile: false }
  const name = /;\s*name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(value)
  const filename = /;\s*filename\*?\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(value)
  // An empty file name is what browsers send where no file was chosen.
  return { name: name?.[1] ?? name?.[2], isFile: filename !== null && (filename[1] ?? filename[2] ?? '') !== '' }
}

async function collect(name: string, body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes)
      throw new Problem('too_large', `The part ${name.slice(0, 40)} is larger than ${maxBytes} bytes`)
    chunks.push(Buffer.from(chunk))
  }
  return Buffer.concat(chunks)
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body) {
    // Nobody asked for it.
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem('too_large', `The body is larger than ${maxBytes} bytes`, { headers: { connection: 'close' } })
}
