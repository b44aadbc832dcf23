/** The `export` worker: makes an archive of an instance and tells its owner where to get it. */
import { z } from 'zod'
import type { DocumentStore, TenantReader } from '../../storage/documents/contract.ts'
import { type FileStore, objectHold } from '../../storage/files/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { OwnDocument } from '../instances/own-documents.ts'
import type { Instance, Instances } from '../instances/service.ts'
import { JobFailure, type JobQueue, type Task, type Worker } from '../jobs/service.ts'
import type { JsonObject } from '../model/json/value.ts'
import type { Secrets } from '../secrets/secrets.ts'
import { writeArchive } from './archive.ts'
import { partsSizeOf } from './cursors.ts'
import {
  type ArchivePart,
  archiveOf,
  createExport,
  exportsDoctype,
  exportsOf,
  jobOf,
  readExport,
  updateExport,
} from './export-document.ts'
import { reach } from './failpoints.ts'
import { exportIdentifier } from './identifier.ts'
import { mailOwner } from './owner-mail.ts'
import { exportLink } from './settings-address.ts'
import type { MoveSource } from './source.ts'
import { moveOf } from './timed-block.ts'

/** The message of an export job. */
export const ExportOrder = z.object({
  parts_size: z.number().nonnegative().default(0),
  /** Nanoseconds. */
  max_age: z.number().nonnegative().default(0),
  with_doctypes: z.array(z.string()).optional(),
  contextual_domain: z.string().optional(),
  secure: z.boolean().optional(),
  admin_req: z.boolean().optional(),
  /** The move that the archive is for. */
  move: z.string().optional(),
})
export type ExportOrder = z.infer<typeof ExportOrder>

export interface ExportOptions {
  readonly store: DocumentStore & TenantReader & { readonly files: Pick<FileStore, 'ledger' | 'secrets' | 'tree'> }
  readonly objects: Pick<ObjectStore, 'put' | 'stat'>
  readonly secrets: Secrets
  readonly instances: Pick<Instances, 'byHost'>
  readonly jobs: JobQueue
  /** Bytes. */
  readonly minPartSize: number
  /** Tells operators who listen of an export that they asked for. */
  readonly announce: (doctype: string, id: string) => Promise<void>
  /** What becomes of archives that are made for a move. */
  readonly moving: Pick<MoveSource, 'current' | 'renew' | 'handOver' | 'giveUp'>
  /** Seconds for one export, and without progress for a move. */
  readonly timeout: number
}

const longestAgeMs = 7 * 86_400_000
/** An export that is still being made after this long was lost. */
const staleMs = 86_400_000

export function exportWorker(options: ExportOptions): Worker {
  return {
    name: 'export',
    concurrency: 1,
    timeout: options.timeout,
    async run(task) {
      const instance = await options.instances.byHost(task.tenant.domain)
      if (instance === undefined) throw new JobFailure('the instance no longer exists', { final: true })
      const parsed = ExportOrder.safeParse(task.message ?? {})
      if (!parsed.success) throw new JobFailure('jobs: message unmarshal', { final: true })
      // Where a link leads, and whether a mail tells of it, is for the server to say.
      const { parts_size, max_age, with_doctypes } = parsed.data
      const order = task.trusted ? parsed.data : { parts_size, max_age, with_doctypes }
      if (order.move !== undefined) return exportForMove(options, instance, { ...order, move: order.move }, task)
      await requireStaying(options, instance)
      await makeExport(options, instance, order, task)
    },
  }
}

/** Another archive would take the place of the one that the target of a move is fetching. @throws JobFailure */
async function requireStaying({ moving }: ExportOptions, instance: Instance): Promise<void> {
  const id = moveOf(instance.document)
  if (id === undefined || (await moving.current(instance, id)) === undefined) return
  throw new JobFailure('export: the instance is being moved', { final: true })
}

/** Makes the archive, unless the job has made it before its process died, and tells the target of it. */
async function exportForMove(
  options: ExportOptions,
  instance: Instance,
  order: ExportOrder & { readonly move: string },
  task: Task,
): Promise<void> {
  const { moving, store, timeout } = options
  const record = await moving.current(instance, order.move)
  if (record === undefined) throw new JobFailure('the move is over', { final: true })
  let hasMoved = true
  const timer = setInterval(
    () => {
      if (!hasMoved) return
      hasMoved = false
      moving
        .renew(instance, record)
        .catch((error: unknown) => task.log.warning('a move could not be kept alive', { error }))
    },
    Math.min(300_000, timeout * 250),
  )
  const watched: Task = {
    ...task,
    progress(done, of, unit) {
      hasMoved = true
      task.progress(done, of, unit)
    },
  }
  try {
    const made = await exportsOf(store, instance.domain)
    const isMade = (one: OwnDocument) => jobOf(one) === task.id && one.value['state'] === 'done'
    const id = made.find(isMade)?.id ?? (await makeExport(options, instance, order, watched))
    await reach('move:exported')
    const identifier = exportIdentifier(instance, id, await createdAt(store, id))
    await moving.handOver(instance, record, linkOf(order, instance, identifier), task.signal)
  } catch (error) {
    // Stopped with its process: it is begun again.
    if (isStopped(task)) throw error
    await moving.giveUp(
      instance,
      record,
      error instanceof JobFailure ? error.message : 'the archive could not be made',
      AbortSignal.timeout(60_000),
    )
    throw error
  } finally {
    clearInterval(timer)
  }
}

/** So that the link of an archive is the same whenever it is made. Unix time in milliseconds. */
async function createdAt(store: ExportOptions['store'], id: string): Promise<number> {
  return Date.parse(String((await readExport(store, id))?.value['created_at']))
}

function isStopped({ signal }: Task): boolean {
  return signal.aborted && (signal.reason as Error).message !== 'timeout'
}

/** Returns the id of the export. */
async function makeExport(options: ExportOptions, instance: Instance, order: ExportOrder, task: Task): Promise<string> {
  const { store } = options
  const now = Date.now()
  await clearPrevious(options, instance, task.id, now)
  const { files, versions } = await store.files.tree(instance.prefix).usage()
  const partsSize = partsSizeOf(order.parts_size, options.minPartSize, files + versions)
  const ageMs = order.max_age / 1e6
  const lifeMs = ageMs === 0 || ageMs > longestAgeMs ? longestAgeMs : ageMs
  const doctypes = order.with_doctypes?.length ? order.with_doctypes : undefined
  const members: JsonObject = {
    domain: instance.domain,
    parts_size: partsSize,
    parts_cursors: null,
    ...(doctypes === undefined ? {} : { with_doctypes: doctypes }),
    created_at: new Date(now).toISOString(),
    expires_at: new Date(now + lifeMs).toISOString(),
    total_size: -1,
    creation_duration: 0,
  }
  const id = await createExport(store, { ...members, state: 'exporting', archive: { job: task.id } })
  const written: string[] = []
  try {
    // From before the snapshot on nothing that it lists may be deleted.
    await store.files.secrets.set(instance.prefix, objectHold, id, '', lifeMs)
    const archive = await writeArchive({
      store,
      objects: options.objects,
      secrets: options.secrets,
      instance,
      exportId: id,
      partsSize,
      doctypes: doctypes && new Set(doctypes),
      createdAtMs: now,
      signal: task.signal,
      lease: async (object) => {
        written.push(object)
        await store.files.ledger.lease([object], lifeMs)
      },
      progress: (bytes) => task.progress(bytes, files + versions, 'bytes'),
    })
    const { parts, cursors, totalSize, filesSize } = archive
    await updateExport(store, id, {
      state: 'done',
      parts_cursors: cursors ?? null,
      total_size: totalSize,
      files_size: filesSize,
      creation_duration: (Date.now() - now) * 1e6,
      archive: { job: task.id, parts: parts as unknown as JsonObject[] },
    })
    if (order.move !== undefined) return id
    if (order.admin_req) await options.announce(exportsDoctype, id)
    else await tellOwner(options, instance, order, { id, cursors: cursors ?? [], endsMs: now + lifeMs })
    return id
  } catch (error) {
    await store.files.ledger.renew(written, 0)
    await updateExport(store, id, { state: 'error', error: 'the archive could not be made' })
    const isToldOtherwise = order.admin_req === true || order.move !== undefined
    // Stopped with its process: it is begun again.
    if (!task.signal.aborted && !isToldOtherwise) await mailOwner(options, instance, 'export_error', {})
    throw error
  }
}

/** Discards the archives of former exports; refuses while another one is being made. */
async function clearPrevious({ store }: ExportOptions, instance: Instance, jobId: string, now: number): Promise<void> {
  const former = await exportsOf(store, instance.domain)
  const running = former.find(
    (one) =>
      one.value['state'] === 'exporting' &&
      jobOf(one) !== jobId &&
      Date.parse(String(one.value['created_at'])) > now - staleMs,
  )
  if (running !== undefined) throw new JobFailure('export: an archive is already being created', { final: true })
  for (const one of former) {
    if (one.value['state'] === 'exporting')
      await updateExport(store, one.id, { state: 'error', error: 'it was interrupted' })
    const parts = partsOf(one, now)
    if (parts.length === 0) continue
    await store.files.ledger.renew(parts, 0)
    await store.files.secrets.take(instance.prefix, objectHold, one.id)
    await updateExport(store, one.id, { archive: {} })
  }
}

function partsOf(one: OwnDocument, now: number): string[] {
  try {
    return archiveOf(one, now).map(({ object }: ArchivePart) => object)
  } catch {
    return []
  }
}

async function tellOwner(
  options: Pick<ExportOptions, 'jobs' | 'secrets'>,
  instance: Instance,
  order: ExportOrder,
  made: { readonly id: string; readonly cursors: readonly string[]; readonly endsMs: number },
): Promise<void> {
  const domain = order.contextual_domain ?? instance.domain
  const scheme = order.secure ? 'https' : 'http'
  const identifier = exportIdentifier(instance, made.id, Date.now())
  const data = `${scheme}://${domain}/move/exports/data/${identifier}`
  const parts = [data, ...made.cursors.map((cursor) => `${data}?cursor=${encodeURIComponent(cursor)}`)]
  await mailOwner(options, instance, 'archiver', {
    ArchiveLink: linkOf(order, instance, identifier),
    PartLinks: parts.join('\n'),
    ExpiresAt: new Date(made.endsMs).toISOString().slice(0, 16).replace('T', ' '),
  })
}

function linkOf({ contextual_domain, secure }: ExportOrder, instance: Instance, identifier: string): string {
  return exportLink({ domain: contextual_domain ?? instance.domain, secure: secure === true }, identifier)
}
