/** Which worker does which kind of job: registers all of them, and what is done again and again for all processes. */
import { ofContext } from './config/contexts.ts'
import type { Config } from './config/settings.ts'
import type { Instance } from './instances/service.ts'
import { ageSeconds } from './jobs/age.ts'
import { Housekeeping } from './jobs/housekeeping.ts'
import { Recurring } from './jobs/turns.ts'
import { applicationWorkers } from './jobs/workers/applications.ts'
import { archiveWorkers } from './jobs/workers/archives.ts'
import { logWorker } from './jobs/workers/log.ts'
import { oldTrashWorker } from './jobs/workers/old-trash.ts'
import { sendmailWorker } from './jobs/workers/sendmail.ts'
import { thumbnailWorker } from './jobs/workers/thumbnail.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { exportWorker } from './move/export.ts'
import { importWorker } from './move/import.ts'
import type { Services } from './services.ts'

const hourMs = 3_600_000

/** Registers every worker with the job system. The recurring work is returned, not started. */
export function registerWorkers(config: Config, log: Log, services: Services): Recurring {
  const { store, objects, secrets, instances, jobs, files, thumbnails, hub, outgoing, mail, metrics, moves } = services
  const driveOf = services.driveWithoutActor
  const keptMs = trashKeptMs(config)
  // For each instance; what the server itself has to tell does not count.
  const mayAsk = async (prefix: string) =>
    (await store.attempts.count(`sendmail ${prefix}`, { max: 200, perMs: 3_600_000 })).allowed
  const workers = [
    thumbnailWorker({ files, thumbnails, instances, driveOf, observe: observeThumbnails(metrics) }),
    oldTrashWorker({ files, instances, driveOf, keptMs }),
    logWorker,
    sendmailWorker({ mail, instances, secrets, mayAsk }),
    ...archiveWorkers(store.files),
    ...applicationWorkers,
    exportWorker({
      store,
      objects,
      secrets,
      instances,
      jobs,
      minPartSize: config.export.min_part_size,
      announce: (doctype, id) => hub.announce(doctype, id),
      moving: moves.source,
      timeout: config.move.max_duration,
    }),
    importWorker({
      store,
      objects,
      secrets,
      instances,
      jobs,
      outgoing,
      moving: moves.target,
      uploads: services.uploads,
      maxDocumentBytes: config.documents.max_size,
      maxDuration: config.move.max_duration,
    }),
    moves.deadline,
  ]
  for (const worker of workers) jobs.register(worker)
  const housekeeping = new Housekeeping({
    instances,
    jobs,
    log,
    keepMs: config.jobs.keep * 1000,
    cleansTrash: (instance) => keptMs(instance) !== undefined,
  })
  return new Recurring({
    ...{ store: store.jobs, log },
    works: [
      { name: 'jobs.housekeeping', everyMs: 24 * hourMs, run: (signal) => housekeeping.run(signal) },
      { name: 'files.sweep', everyMs: 60_000, run: () => files.sweep() },
      { name: 'attachments.sweep', everyMs: 10_000, run: () => services.sweepAttachments() },
      // An upload of the largest file over a slow line may take hours.
      { name: 'objects.abandoned', everyMs: hourMs, run: () => objects.sweepAbandoned(24 * hourMs) },
    ],
  })
}

/** How long the trash of an instance is kept, in milliseconds; `undefined`: for ever. */
function trashKeptMs(config: Config): (instance: Instance) => number | undefined {
  return ({ document }) => {
    const context = typeof document['context'] === 'string' ? document['context'] : undefined
    const age = ofContext(config.fs.auto_clean_trashed_after, context)
    const seconds = age === undefined ? undefined : ageSeconds(age)
    return seconds === undefined ? undefined : seconds * 1000
  }
}

function observeThumbnails(metrics: Metrics): (isDone: boolean, peakBytes: number) => void {
  const drawn = { done: 0, failed: 0, peakBytes: 0 }
  metrics.observe('images_drawn_total', 'counter', 'Images whose thumbnails were made.', () => drawn.done)
  metrics.observe('images_failed_total', 'counter', 'Images that could not be drawn.', () => drawn.failed)
  const peakHelp = 'Most memory that drawing an image took, in a process of its own.'
  metrics.observe('image_peak_bytes', 'gauge', peakHelp, () => drawn.peakBytes, 'max')
  return (isDone, peakBytes) => {
    drawn[isDone ? 'done' : 'failed'] += 1
    drawn.peakBytes = Math.max(drawn.peakBytes, peakBytes)
  }
}
