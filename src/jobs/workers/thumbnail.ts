/**
 * Makes the thumbnails of an image when it appears or its content changes, takes them away with it, and writes down what
 * the camera says. What is broken or too large costs its own job and nothing else.
 */
import type { Node } from '../../files/node.ts'
import type { Drive, Files } from '../../files/service.ts'
import type { Instance, Instances } from '../../instances/service.ts'
import { Problem } from '../../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../../model/json/value.ts'
import { DrawingError } from '../../thumbnails/drawn.ts'
import { maxImageBytes } from '../../thumbnails/formats.ts'
import { type Painted, paint } from '../../thumbnails/painter.ts'
import type { Thumbnails } from '../../thumbnails/thumbnails.ts'
import type { BuiltInTrigger } from '../event-feed.ts'
import { JobFailure, type Task, type Worker } from '../service.ts'

/** Every instance has it. */
export const thumbnailTrigger: BuiltInTrigger = {
  worker: 'thumbnail',
  arguments: 'io.cozy.files:CREATED,UPDATED,DELETED:image:class',
}

const limits = { maxMemory: 1_500_000_000, timeoutMs: 60_000 }
/** Version of the metadata reader: other versions may read more. */
const extractorVersion = 2

export interface ThumbnailWorkerOptions {
  readonly files: Files
  readonly thumbnails: Thumbnails
  readonly instances: Pick<Instances, 'byHost'>
  readonly driveOf: (instance: Instance) => Promise<Drive>
  /** Called for each image: whether it was drawn, and the bytes of memory that it took. */
  readonly observe: (drawn: boolean, peakBytes: number) => void
}

export function thumbnailWorker(options: ThumbnailWorkerOptions): Worker {
  return { name: 'thumbnail', concurrency: 1, timeout: 120, run: (task) => run(task, options) }
}

async function run(
  task: Task,
  { files, thumbnails, instances, driveOf, observe }: ThumbnailWorkerOptions,
): Promise<void> {
  const { tenant, event } = task
  const wanted = wantedOf(task)
  if (wanted === undefined) throw new JobFailure('the job names no file', { final: true })
  if (event?.['verb'] === 'DELETED') {
    await thumbnails.remove(tenant.prefix, wanted)
    return
  }
  if (isUnchanged(event) && (await thumbnails.has(tenant.prefix, wanted))) return
  const instance = await instances.byHost(tenant.domain)
  if (instance === undefined) return
  const drive = await driveOf(instance)
  const node = await nodeOf(files, drive, wanted)
  // Encrypted ones can be read by their owner only.
  if (node?.kind !== 'file' || node.class !== 'image' || node.value['encrypted'] === true) return
  if (!/^image\/(jpe?g|pjpeg|png|webp)$/.test(node.mime)) return
  if (node.size > maxImageBytes) throw new JobFailure('the image is too large', { final: true })
  const { body } = await files.open(drive, node)
  let peak = 0
  let painted: Painted
  try {
    painted = await paint(body, limits, task.signal, (bytes) => {
      peak = bytes
    })
  } catch (error) {
    observe(false, peak)
    if (error instanceof DrawingError) throw new JobFailure(error.message, { final: true, cause: error })
    throw error
  }
  observe(true, peak)
  // The smallest last: if it exists, all do.
  for (const [at, { format, contentType }] of [...painted.thumbnails.entries()].reverse()) {
    await thumbnails.put(tenant.prefix, node.id, format, painted.contents[at] ?? new Uint8Array(), contentType)
  }
  await describe(files, drive, node.id, painted)
  // It may have been deleted in the meantime: then nothing else would remove these.
  if ((await nodeOf(files, drive, node.id)) === undefined) await thumbnails.remove(tenant.prefix, node.id)
}

function wantedOf({ event, message }: Task): string | undefined {
  const doc = event?.['doc']
  const id = isObject(doc) ? doc['_id'] : isObject(message) ? message['id'] : undefined
  return typeof id === 'string' ? id : undefined
}

/** The content is unchanged. */
function isUnchanged(event: JsonObject | undefined): boolean {
  const [doc, old] = [event?.['doc'], event?.['old']]
  if (!isObject(doc) || !isObject(old)) return false
  return doc['internal_vfs_id'] === old['internal_vfs_id'] && doc['internal_vfs_id'] !== undefined
}

async function nodeOf(files: Files, drive: Drive, id: string): Promise<Node | undefined> {
  try {
    return await files.node(drive, id)
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined
    throw error
  }
}

/** What the image says is added to what is known of the file; what its owner wrote stays. */
async function describe(files: Files, drive: Drive, id: string, painted: Painted): Promise<void> {
  const found: Record<string, Json> = { width: painted.width, height: painted.height, orientation: painted.orientation }
  if (painted.takenAt !== undefined) found['datetime'] = painted.takenAt
  if (painted.gps !== undefined) found['gps'] = painted.gps
  const node = await nodeOf(files, drive, id)
  if (node?.kind !== 'file') return
  const known = node.exact['metadata']
  const before = isObject(known) ? known : {}
  // What was read from the previous content is replaced, what a user wrote is not.
  const isOurs = before['extractor_version'] === extractorVersion
  const metadata: JsonObject = {
    ...(isOurs ? before : {}),
    ...found,
    extractor_version: extractorVersion,
    ...(isOurs ? {} : before),
  }
  if (Object.entries(metadata).every(([name, value]) => JSON.stringify(before[name]) === JSON.stringify(value))) return
  try {
    await files.change(drive, id, { metadata })
  } catch (error) {
    // Deleted, or changed by someone else: the thumbnails exist anyway.
    if (!(error instanceof Problem) || error.status >= 500) throw error
  }
}
