/** Exports and imports by the admin API. */
import { setTimeout as pause } from 'node:timers/promises'
import type { ListedPart } from '../move/exports.ts'
import type { Piece } from '../move/import-upload.ts'
import { AdminClientError, type AdminTarget, askAdmin, pathOf } from './admin-client.ts'
import { persist } from './persist.ts'

/** An export as the admin API shows it. */
export interface ShownExport {
  readonly id: string
  readonly state: string
  readonly job: string | undefined
  /** Bytes of files and versions. */
  readonly filesSize: number | undefined
  readonly doctypes: readonly string[] | undefined
  readonly createdAt: string
  readonly expiresAt: string
  readonly parts: readonly ListedPart[]
}

export interface ExportWish {
  readonly partsSize?: number | undefined
  readonly doctypes?: readonly string[] | undefined
}

/** Asks for an archive. Resolves to the id of the job. */
export async function orderExport(
  target: AdminTarget,
  domain: string,
  { partsSize, doctypes }: ExportWish,
): Promise<string> {
  const query = {
    'admin-req': 'true',
    parts_size: partsSize === undefined ? undefined : String(partsSize),
    with_doctypes: doctypes?.join(','),
  }
  const answer = await askAdmin(target, 'POST', `${pathOf(domain)}/export`, { query })
  return ((await answer.json()) as { _id: string })._id
}

/** The exports of an instance, the newest first. */
export async function listExports(target: AdminTarget, domain: string): Promise<readonly ShownExport[]> {
  const answer = await askAdmin(target, 'GET', `${pathOf(domain)}/exports`)
  const { data } = (await answer.json()) as { data: readonly { id: string; attributes: Record<string, unknown> }[] }
  return data.map(({ id, attributes }) => ({
    id,
    state: String(attributes['state']),
    job: attributes['job'] as string | undefined,
    filesSize: attributes['files_size'] as number | undefined,
    doctypes: attributes['with_doctypes'] as readonly string[] | undefined,
    createdAt: String(attributes['created_at']),
    expiresAt: String(attributes['expires_at']),
    parts: attributes['parts'] as readonly ListedPart[],
  }))
}

/** The bytes of a part from `start` on, if it still has that etag. */
export function fetchPart(
  target: AdminTarget,
  domain: string,
  id: string,
  { cursor, etag }: { readonly cursor?: string | undefined; readonly etag: string },
  start: number,
): Promise<Response> {
  const headers = start === 0 ? {} : { range: `bytes=${start}-`, 'if-range': etag }
  const path = `${pathOf(domain)}/exports/${encodeURIComponent(id)}/data`
  return askAdmin(target, 'GET', path, { query: { cursor }, headers })
}

export interface ShownJob {
  readonly state: 'queued' | 'running' | 'done' | 'errored'
  readonly error?: string
  readonly progress?: { readonly done: number; readonly of?: number; readonly unit: string }
}

const lookMs = 500

/** A job has failed, in its own words. */
export class JobError extends AdminClientError {}

/** Waits for the end of a job. @throws JobError when it failed */
export async function awaitJob(
  target: AdminTarget,
  domain: string,
  id: string,
  onProgress: (job: ShownJob) => void,
): Promise<void> {
  for (;;) {
    const job = await persist(() => showJob(target, domain, id))
    if (job === undefined) throw new AdminClientError('the server no longer knows the job')
    onProgress(job)
    if (job.state === 'done') return
    if (job.state === 'errored') throw new JobError(job.error ?? 'the job failed', 500)
    await pause(lookMs)
  }
}

/** A job of an instance; `undefined` when there is none. */
export async function showJob(target: AdminTarget, domain: string, id: string): Promise<ShownJob | undefined> {
  try {
    const answer = await askAdmin(target, 'GET', `${pathOf(domain)}/jobs/${encodeURIComponent(id)}`)
    return ((await answer.json()) as { data: { attributes: ShownJob } }).data.attributes
  } catch (error) {
    if (error instanceof AdminClientError && error.status === 404) return undefined
    throw error
  }
}

/** An archive that is going to be sent. */
export interface ArchiveOrder {
  /** Bytes of each part. */
  readonly parts: readonly number[]
  readonly piece_size: number
  /** Bytes of all entries, unpacked. */
  readonly size: number
  readonly files_size: number
  readonly with_doctypes?: readonly string[] | undefined
}

/** Begins or continues to send an archive. Resolves to the missing pieces, at most the first thousand. */
export async function beginUpload(
  target: AdminTarget,
  domain: string,
  id: string,
  order: ArchiveOrder,
): Promise<readonly Piece[]> {
  return missingIn(await askAdmin(target, 'PUT', uploadPath(domain, id), { body: order }))
}

/** The same of an upload that has begun. */
export async function missingPieces(target: AdminTarget, domain: string, id: string): Promise<readonly Piece[]> {
  return missingIn(await askAdmin(target, 'GET', uploadPath(domain, id)))
}

/** Sends a piece. */
export async function sendPiece(
  target: AdminTarget,
  domain: string,
  id: string,
  { part, piece }: Piece,
  bytes: Uint8Array,
): Promise<void> {
  await askAdmin(target, 'PUT', `${uploadPath(domain, id)}/parts/${part}/pieces/${piece}`, { bytes })
}

/** Starts the import of the archive. Resolves to the id of the job. */
export async function startImport(target: AdminTarget, domain: string, id: string): Promise<string> {
  return ((await (await askAdmin(target, 'POST', uploadPath(domain, id))).json()) as { _id: string })._id
}

async function missingIn(answer: Response): Promise<readonly Piece[]> {
  return ((await answer.json()) as { data: { attributes: { missing: readonly Piece[] } } }).data.attributes.missing
}

function uploadPath(domain: string, id: string): string {
  return `${pathOf(domain)}/imports/${encodeURIComponent(id)}`
}
