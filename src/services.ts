/** Opens what Hearth does: every service over the open stores, from the settings. Which routes offer them is in faces.ts. */
import type { AttemptStore } from '../storage/attempts/contract.ts'
import type {
  BodyRewriter,
  DocumentStore,
  EveryTenant,
  TenantExchanger,
  TenantReader,
} from '../storage/documents/contract.ts'
import { type FileStore, filesDoctype } from '../storage/files/contract.ts'
import type { JobStore } from '../storage/jobs/contract.ts'
import type { ObjectStore } from '../storage/objects/contract.ts'
import { newS3 } from '../storage/objects/minio/s3.ts'
import type { SyncStore } from '../storage/sync/contract.ts'
import { openAdministration } from './admin/administration.ts'
import { openAudit } from './admin/audit.ts'
import { type AdminAuth, openAdminAuth } from './admin/passphrase.ts'
import { openApps } from './apps/apps.ts'
import { newSweeper } from './attachments/sweeper.ts'
import { openAuth } from './auth/auth.ts'
import { newOwnerMail } from './auth/mail.ts'
import { effectiveContext } from './config/contexts.ts'
import type { Config } from './config/settings.ts'
import { openDocuments } from './documents/documents.ts'
import { newDriveOf } from './files/drive.ts'
import { openFiles } from './files/files.ts'
import { openIdentity } from './first-run.ts'
import { openFsck } from './fsck/fsck.ts'
import { openInstances } from './instances/instances.ts'
import type { Instance } from './instances/service.ts'
import { openJobSystem } from './jobs/system.ts'
import { thumbnailTrigger } from './jobs/workers/thumbnail.ts'
import type { Log } from './log.ts'
import { openMail } from './mail/mail.ts'
import { measuredObjects } from './measured-objects.ts'
import { newMetrics, observeProcess } from './metrics.ts'
import { StartupError } from './model/startup-error.ts'
import { openExports } from './move/exports.ts'
import { openImportUploads } from './move/import-upload.ts'
import { openImports } from './move/imports.ts'
import { openMoves } from './move/moves.ts'
import { changeOwnerSettings } from './move/owner-settings.ts'
import { objectsPlace } from './objects.ts'
import { openOutgoing } from './outgoing/outgoing.ts'
import type { Siblings } from './processes/siblings.ts'
import { Hub } from './realtime/hub.ts'
import { openSecrets, sealOldAccounts } from './secrets/key.ts'
import { sealBody, sealStore } from './secrets/sealed-store.ts'
import { driverKinds } from './sync/drivers/kinds.ts'
import { observeSync } from './sync/metrics.ts'
import { openSyncFromSettings } from './sync/open.ts'
import { openThumbnails } from './thumbnails/thumbnails.ts'

/** Milliseconds until other processes on the same database know that an instance was blocked. */
const otherProcessesMs = 6_000

/** Documents, and the files and jobs made of them. */
export interface Stores extends DocumentStore, BodyRewriter, EveryTenant, TenantReader, TenantExchanger {
  readonly files: FileStore
  readonly sync: SyncStore
  readonly jobs: JobStore
  readonly attempts: AttemptStore
  connections(): Promise<Readonly<Record<string, number>>>
}

export interface ServicesOptions {
  readonly config: Config
  readonly log: Log
  readonly stores: Stores
  readonly objects: ObjectStore
  readonly siblings: Siblings
  /** An instance was changed or removed, here or by another process. */
  readonly onInstanceChange: () => void
  /** Serves a request of this server to one of its own instances. */
  readonly serveOwn: (request: Request) => Response | Promise<Response>
}

export type Services = Awaited<ReturnType<typeof openServices>>

/** Opens all services; none of them has begun to work by itself. */
export async function openServices({
  config,
  log,
  stores,
  objects: storedObjects,
  siblings,
  onInstanceChange,
  serveOwn,
}: ServicesOptions) {
  const { leads } = siblings
  const metrics = newMetrics('hearth', siblings)
  observeProcess(metrics)
  const objects = measuredObjects(storedObjects, metrics)
  const secrets = await openSecrets(config, stores)
  if (leads) await sealOldAccounts(stores, secrets)
  const store = sealStore(stores, secrets)
  const identity = await openIdentity(store)
  const instances = openInstances({
    store,
    cliLifetime: config.token.cli_lifetime,
    onChange() {
      onInstanceChange()
      return siblings.instancesChanged()
    },
  })
  const outgoing = openOutgoing({
    allowPrivate: config.outgoing.allow_private,
    isOwn: async (host) => (await instances.byHost(host)) !== undefined,
    serve: serveOwn,
  })
  const hub = new Hub({ store, log })
  const audit = await openAudit({ log, file: config.admin.audit_file })
  const adminAuth = await openPassphrase(config, store)
  const mail = openMail({ config: config.mail, contexts: config, store, log })
  const ownerMail = newOwnerMail(mail)
  const auth = openAuth({
    store,
    secrets: store.files.secrets,
    attempts: store.attempts,
    tokens: { cliLifetime: config.token.cli_lifetime, now: Date.now },
    sendPasscode: (instance, passcode) => ownerMail(instance, { kind: 'passcode', passcode }),
    onReplay: (instance, client) => {
      instances.invalidate(instance.domain)
      void siblings.instancesChanged()
      log.warning('an OAuth client was removed: one of its old refresh tokens was used', {
        domain: instance.domain,
        client,
      })
    },
  })
  const stopping = new AbortController()
  const sweeper = newSweeper({
    ledger: store.attachments,
    objects,
    stopping: stopping.signal,
  })
  const documents = openDocuments({
    store,
    objects,
    maxAttachmentBytes: config.documents.max_attachment,
    // What cannot be deleted now is deleted later.
    onCompacted: () => sweeper.run().catch(() => {}),
    seal: (ref, id, body) => sealBody(ref, id, body, secrets),
    stopping: stopping.signal,
    fileTree: store.files.tree,
  })
  const files = openFiles({ store: store.files, objects, log })
  const { max_number_of_versions_to_keep, min_delay_between_two_versions } = config.fs.versioning
  const versioning = { max: max_number_of_versions_to_keep, minDelayMs: min_delay_between_two_versions * 1000 }
  const driveOf = newDriveOf({ store, versioning, contextOf: (context) => effectiveContext(config, context) })
  const driveWithoutActor = (instance: Instance) => driveOf(instance, undefined)
  const fsck = openFsck({ store, fileStore: store.files, objects, files })
  const builtIn = [thumbnailTrigger]
  const jobSystem = openJobSystem({ store, instances, log, settings: config.jobs, builtIn, runsJobs: leads })
  const { jobs, triggers } = jobSystem
  const thumbnails = openThumbnails({
    objects,
    jobs,
    mayTry: async (name) => (await store.attempts.count(name, { max: 1, perMs: 3_600_000 })).allowed,
  })
  metrics.observe('changes_listeners', 'gauge', 'Feeds that wait for changes.', () => store.watching())
  metrics.observeEach('database_connections', 'Connections of this server to PostgreSQL.', 'state', () =>
    store.connections(),
  )
  metrics.observe('jobs_running', 'gauge', 'Jobs that run in this process.', () => jobs.running)
  const administration = openAdministration({
    config,
    store,
    secrets: store.files.secrets,
    auth,
    instances,
    jobs,
    triggers,
    outgoing,
    log,
  })
  const ownerSettings = changeOwnerSettings.bind(undefined, store)
  const moves = openMoves({
    store,
    instances,
    auth,
    jobs,
    triggers,
    secrets,
    outgoing,
    mail: ownerMail,
    maxMs: config.move.max_duration * 1000,
    settleMs: config.database_url === undefined && config.workers === 1 ? 0 : otherProcessesMs,
    log,
  })
  const openSync = () =>
    openSyncFromSettings({
      config,
      store: stores.sync,
      secrets,
      log,
      kinds: driverKinds({
        files,
        instances,
        driveOf,
        watch: (prefix, onChange) => store.watch({ prefix, name: filesDoctype }, onChange),
        openBucket: newS3,
        checkHost: async (host) => void (await outgoing.addressesOf(host)),
        addressOf: async (host) => (await outgoing.addressesOf(host))[0] ?? host,
        outgoingFor: (trusted) => (trusted ? openOutgoing({ allowPrivate: true }) : outgoing),
      }),
      place: objectsPlace(config),
    })
  const synchronising = leads ? await openSync() : undefined
  if (synchronising !== undefined) observeSync(metrics, synchronising.sync)
  return {
    adminAuth,
    administration,
    apps: openApps({ store, settings: config, outgoing }),
    audit,
    auth,
    documents,
    driveOf,
    driveWithoutActor,
    exports: openExports({ store, objects, jobs }),
    files,
    fsck,
    hub,
    identity,
    imports: openImports({ store, jobs }),
    instances,
    jobs,
    jobSystem,
    mail,
    metrics,
    moves,
    objects,
    outgoing,
    ownerMail,
    ownerSettings,
    secrets,
    stopping,
    store,
    sweepAttachments: () => sweeper.run(),
    sync: synchronising?.sync,
    syncToken: synchronising?.token ?? '',
    thumbnails,
    triggers,
    uploads: openImportUploads({ files: store.files, objects }),
  }
}

async function openPassphrase(config: Config, store: DocumentStore): Promise<AdminAuth> {
  const { passphrase, secret_filename } = config.admin
  try {
    return await openAdminAuth({ store, fromEnvironment: passphrase, secretFile: secret_filename })
  } catch (error) {
    if (secret_filename === undefined || !(error instanceof Error)) throw error
    throw new StartupError(error.message, { cause: error })
  }
}
