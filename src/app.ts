/** The composition root: the one module that sees routes, services and adapters, and builds them from the settings. */
import { openAnnouncements } from '../routes/admin/realtime.ts'
import { adminRoutes } from '../routes/admin/routes.ts'
import { applianceRoutes } from '../routes/appliance/routes.ts'
import { appsRoutes } from '../routes/apps/routes.ts'
import { doorkeeper } from '../routes/auth/door.ts'
import { authRoutes } from '../routes/auth/routes.ts'
import { couchdbRoutes } from '../routes/couchdb/routes.ts'
import { dataRoutes } from '../routes/data/routes.ts'
import { filesRoutes } from '../routes/files/routes.ts'
import { healthRoutes } from '../routes/health.ts'
import { jsonValue } from '../routes/http/answer.ts'
import { newClientOf } from '../routes/http/client.ts'
import { cors } from '../routes/http/cors.ts'
import { newFace } from '../routes/http/endpoint.ts'
import { type HttpRouter, newRouter } from '../routes/http/router.ts'
import { jobsRoutes } from '../routes/jobs/routes.ts'
import { moveRoutes } from '../routes/move/routes.ts'
import { observe } from '../routes/observe.ts'
import { openApiRoute } from '../routes/openapi.ts'
import { realtimeRoutes } from '../routes/realtime/routes.ts'
import { statusRoutes } from '../routes/status.ts'
import { syncRoutes } from '../routes/sync/routes.ts'
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
import type { Appliance } from './appliance/appliance.ts'
import { openApps } from './apps/apps.ts'
import { startSweeper } from './attachments/sweeper.ts'
import { openAuth } from './auth/auth.ts'
import { newOwnerMail } from './auth/mail.ts'
import { effectiveContext, ofContext } from './config/contexts.ts'
import { proxyAddresses } from './config/proxies.ts'
import type { Config } from './config/settings.ts'
import { openDocuments } from './documents/documents.ts'
import { newDriveOf } from './files/drive.ts'
import { openFiles } from './files/files.ts'
import { openIdentity, type Welcome } from './first-run.ts'
import { openFsck } from './fsck/fsck.ts'
import { openInstances } from './instances/instances.ts'
import type { Instance } from './instances/service.ts'
import { ageSeconds } from './jobs/age.ts'
import { Housekeeping } from './jobs/housekeeping.ts'
import { openJobSystem } from './jobs/system.ts'
import { applicationWorkers } from './jobs/workers/applications.ts'
import { archiveWorkers } from './jobs/workers/archives.ts'
import { logWorker } from './jobs/workers/log.ts'
import { oldTrashWorker } from './jobs/workers/old-trash.ts'
import { sendmailWorker } from './jobs/workers/sendmail.ts'
import { thumbnailTrigger, thumbnailWorker } from './jobs/workers/thumbnail.ts'
import type { Fetch, ListenerName } from './listeners.ts'
import type { Log } from './log.ts'
import { openMail } from './mail/mail.ts'
import { measuredObjects } from './measured-objects.ts'
import { type Metrics, newMetrics, observeProcess } from './metrics.ts'
import { StartupError } from './model/startup-error.ts'
import { exportWorker } from './move/export.ts'
import { openExports } from './move/exports.ts'
import { importWorker } from './move/import.ts'
import { openImports } from './move/imports.ts'
import { objectsPlace } from './objects.ts'
import { openOutgoing } from './outgoing/outgoing.ts'
import { alone, type Siblings } from './processes/siblings.ts'
import { newReadyCheck } from './readiness.ts'
import { Hub } from './realtime/hub.ts'
import { openSecrets, sealOldAccounts } from './secrets/key.ts'
import { sealBody, sealStore } from './secrets/sealed-store.ts'
import { driverKinds } from './sync/drivers/kinds.ts'
import { openSyncFromSettings } from './sync/open.ts'
import type { Sync } from './sync/sync.ts'
import { openThumbnails } from './thumbnails/thumbnails.ts'
import { version } from './version.ts'

/** Milliseconds between looks for objects that nobody needs any more. */
const sweepObjectsMs = 10_000

/** Everything that serves. */
export interface App {
  readonly apps: Readonly<Record<ListenerName, Fetch>>
  /** Makes what the first start makes. `publicPort` is the real one; absent when that listener is off. */
  prepareFirstStart(publicPort: number | undefined): Promise<Pick<Welcome, 'passphrase' | 'home'>>
  /** Ends the answers that would otherwise never end, each as if its time were up, and the websockets. */
  endFeeds(): void
  /** Another process changed an instance: what is remembered of instances and tokens counts no more. */
  forgetInstances(): void
  /** What this process counted. */
  counts: Metrics['counts']
  /** Ends what runs by itself. The stores must still be open. */
  close(): Promise<void>
}

/** Documents, and the files and jobs made of them. */
export interface Stores extends DocumentStore, BodyRewriter, EveryTenant, TenantReader, TenantExchanger {
  readonly files: FileStore
  readonly sync: SyncStore
  readonly jobs: JobStore
  readonly attempts: AttemptStore
  connections(): Promise<Readonly<Record<string, number>>>
}

/**
 * Builds services and routes over open stores. What a first start makes (identity, passphrase) is made here, so the
 * listeners should be open by then: a start that fails afterwards would have shown the passphrase to nobody.
 */
export async function openApp(
  config: Config,
  log: Log,
  bare: Stores,
  given: ObjectStore,
  appliance: Appliance | undefined,
  siblings: Siblings = alone,
): Promise<App> {
  const { leads } = siblings
  const metrics = newMetrics('hearth', siblings)
  observeProcess(metrics)
  const objects = measuredObjects(given, metrics)
  const secrets = await openSecrets(config, bare)
  if (leads) await sealOldAccounts(bare, secrets)
  const store = sealStore(bare, secrets)
  const identity = await openIdentity(store)
  const instances = openInstances({
    store,
    cliLifetime: config.token.cli_lifetime,
    onChange() {
      realtime.gateway.recheck()
      return siblings.instancesChanged()
    },
  })
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
      log.warning('an OAuth client was removed: an old refresh token of its was used', {
        domain: instance.domain,
        client,
      })
    },
  })
  const clientOf = newClientOf(proxyAddresses(config.trusted_proxies))
  const stopping = new AbortController()
  const sweeper = startSweeper({
    ledger: store.attachments,
    objects,
    everyMs: leads ? sweepObjectsMs : 0,
    stopping: stopping.signal,
    log: log.warning,
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
  const files = openFiles({ store: store.files, objects, log, ...(leads ? {} : { sweepEveryMs: 0 }) })
  const { max_number_of_versions_to_keep, min_delay_between_two_versions } = config.fs.versioning
  const versioning = { max: max_number_of_versions_to_keep, minDelayMs: min_delay_between_two_versions * 1000 }
  const driveOf = newDriveOf({ store, versioning, contextOf: (context) => effectiveContext(config, context) })
  const fsck = openFsck({ store, fileStore: store.files, objects, files })
  const builtIn = [thumbnailTrigger]
  const jobSystem = openJobSystem({ store, instances, log, settings: config.jobs, builtIn, runsJobs: leads })
  const { jobs, triggers } = jobSystem
  const exporting = exportWorker({
    store,
    objects,
    secrets,
    instances,
    jobs,
    minPartSize: config.export.min_part_size,
    announce: (doctype, id) => hub.announce(doctype, id),
    timeout: config.move.max_duration,
  })
  const thumbnails = openThumbnails({
    objects,
    jobs,
    mayTry: async (name) => (await store.attempts.count(name, { max: 1, perMs: 3_600_000 })).allowed,
  })
  const drawn = { done: 0, failed: 0, peakBytes: 0 }
  jobs.register(
    thumbnailWorker({
      files,
      thumbnails,
      instances,
      driveOf: (instance) => driveOf(instance, undefined),
      observe(isDone, peakBytes) {
        drawn[isDone ? 'done' : 'failed'] += 1
        drawn.peakBytes = Math.max(drawn.peakBytes, peakBytes)
      },
    }),
  )
  const trashKeptMs = ({ document }: Instance) => {
    const context = typeof document['context'] === 'string' ? document['context'] : undefined
    const age = ofContext(config.fs.auto_clean_trashed_after, context)
    const seconds = age === undefined ? undefined : ageSeconds(age)
    return seconds === undefined ? undefined : seconds * 1000
  }
  const housekeeping = new Housekeeping({
    store: store.jobs,
    instances,
    jobs,
    log,
    keepMs: config.jobs.keep * 1000,
    cleansTrash: (instance) => trashKeptMs(instance) !== undefined,
  })
  // For each instance; what the server itself has to tell does not count.
  const mayAsk = async (prefix: string) =>
    (await store.attempts.count(`sendmail ${prefix}`, { max: 200, perMs: 3_600_000 })).allowed
  const workers = [
    oldTrashWorker({ files, instances, driveOf: (instance) => driveOf(instance, undefined), keptMs: trashKeptMs }),
    logWorker,
    sendmailWorker({ mail, instances, secrets, mayAsk }),
    ...archiveWorkers(store.files),
    ...applicationWorkers,
    exporting,
  ]
  for (const worker of workers) jobs.register(worker)
  const limits = { maxDocumentBytes: config.documents.max_size, maxRequestBytes: config.request.max_size }
  metrics.observe('changes_listeners', 'gauge', 'Feeds that wait for changes.', () => store.watching())
  metrics.observeEach('database_connections', 'Connections of this server to PostgreSQL.', 'state', () =>
    store.connections(),
  )
  metrics.observe('images_drawn_total', 'counter', 'Images whose thumbnails were made.', () => drawn.done)
  metrics.observe('images_failed_total', 'counter', 'Images that could not be drawn.', () => drawn.failed)
  const peakHelp = 'Most memory that drawing an image took, in a process of its own.'
  metrics.observe('image_peak_bytes', 'gauge', peakHelp, () => drawn.peakBytes, 'max')
  metrics.observe('jobs_running', 'gauge', 'Jobs that run in this process.', () => jobs.running)
  const ready = newReadyCheck({ 'document store': store, 'object store': objects })

  const newApp = (listener: ListenerName): HttpRouter => {
    const app = newRouter()
    app.use(observe({ listener, metrics, log, everything: config.log.level === 'debug' }))
    healthRoutes(app, ready)
    app.notFound((c) => jsonValue(c, 404, { error: 'not_found', reason: 'There is nothing at this path.' }))
    app.onError(newFace({ log, errorBody: ({ code, reason }) => ({ error: code, reason }) }).onError)
    return app
  }

  const publicApp = newApp('public')
  const outgoing = openOutgoing({
    allowPrivate: config.outgoing.allow_private,
    isOwn: async (host) => (await instances.byHost(host)) !== undefined,
    serve: (request) => publicApp.fetch(request),
  })
  jobs.register(
    importWorker({
      store,
      objects,
      secrets,
      instances,
      jobs,
      outgoing,
      maxDocumentBytes: limits.maxDocumentBytes,
      maxDuration: config.move.max_duration,
    }),
  )
  publicApp.use(cors())
  publicApp.use(doorkeeper({ instances, clientOf }))
  const expiredStatus = config.token.expired_status
  const dataFace = dataRoutes({ documents, instances, secrets, log, limits, expiredStatus })
  const couchFace = couchdbRoutes({ documents, instances, store, log, uuid: identity.uuid, limits })
  const hub = new Hub({ store, log })
  const realtime = realtimeRoutes({
    hub,
    instances,
    ancestors: (prefix, id) => store.files.tree(prefix).ancestors(id),
    log,
    expiredStatus,
  })
  metrics.observe('realtime_sockets', 'gauge', 'Open websockets.', () => realtime.gateway.size)
  const cutOffHelp = 'Websockets ended because their clients did not take what they were sent.'
  metrics.observe('realtime_cut_off_total', 'counter', cutOffHelp, () => realtime.gateway.cutOff)
  const filesApi = filesRoutes({
    files,
    documents,
    instances,
    secrets: store.files.secrets,
    driveOf,
    fsck,
    thumbnails,
    log,
    expiredStatus,
    maxJsonBytes: limits.maxRequestBytes,
  })
  const authFace = authRoutes({ instances, auth, mail: ownerMail, clientOf, log }, { version })
  const statusFace = statusRoutes({
    log,
    parts: {
      cache: () => store.ping(),
      couchdb: () => store.ping(),
      fs: () => objects.ping(),
    },
  })
  const jobsFace = jobsRoutes({
    jobs,
    triggers,
    instances,
    attempts: store.attempts,
    log,
    expiredStatus,
    maxJsonBytes: limits.maxRequestBytes,
  })
  const exports = openExports({ store, objects, jobs })
  const imports = openImports({ store, jobs })
  const moveFace = moveRoutes({
    instances,
    exports,
    imports,
    stopping: stopping.signal,
    outgoing,
    attempts: store.attempts,
    clientOf,
    log,
    expiredStatus,
    maxJsonBytes: limits.maxRequestBytes,
  })
  const apps = openApps({ store, settings: config, outgoing })
  const appsFace = appsRoutes({ apps, instances, log, expiredStatus })
  const faces = [statusFace, filesApi, dataFace, couchFace, realtime, authFace, jobsFace, moveFace, appsFace]
  openApiRoute(publicApp, faces, { version })
  publicApp.route('/', appsFace.router)
  publicApp.route('/', statusFace.router)
  publicApp.route('/', authFace.router)
  publicApp.route('/', filesApi.router)
  publicApp.route('/', dataFace.router)
  publicApp.route('/', couchFace.router)
  publicApp.route('/', realtime.router)
  publicApp.route('/', jobsFace.router)
  publicApp.route('/', moveFace.router)
  const adminApp = newApp('admin')
  const driveWithoutActor = (instance: Instance) => driveOf(instance, undefined)
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
  const announced = openAnnouncements({ hub, log })
  const adminFace = adminRoutes({
    announced,
    apps,
    ...administration,
    instances,
    adminAuth,
    audit,
    clientOf,
    auth,
    store,
    files,
    fsck,
    objects,
    exports,
    imports,
    driveOf: driveWithoutActor,
    metrics,
    log,
  })
  openApiRoute(adminApp, [adminFace], { version, title: 'Hearth: administration', schemes: ['basic'] })
  adminApp.route('/', adminFace.router)
  const applianceApp = newApp('appliance')
  if (appliance !== undefined) {
    const face = applianceRoutes({ appliance, log })
    openApiRoute(applianceApp, [face], { version })
    applianceApp.route('/', face.router)
  }

  const syncApp = newApp('sync')
  /** The engine, and its API on its listener. */
  async function openSync(): Promise<Sync> {
    const { sync, token: ofSync } = await openSyncFromSettings({
      config,
      store: bare.sync,
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
    const mayUseDrive = async (domain: string, token: string) => {
      const instance = await instances.byHost(domain)
      const permissions = instance && (await instances.authorise(instance, token).catch(() => undefined))
      return (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).every((verb) =>
        permissions?.allowsType(verb, filesDoctype),
      )
    }
    const syncFace = syncRoutes({
      sync,
      log,
      token: ofSync,
      host: config.sync.host,
      mayUseDrive,
      stopping: stopping.signal,
    })
    openApiRoute(syncApp, [syncFace], { version })
    syncApp.route('/', syncFace.router)
    return sync
  }
  const sync = leads ? await openSync() : undefined

  jobSystem.start()
  if (leads) housekeeping.start()
  return {
    apps: {
      public: publicApp.fetch,
      admin: adminApp.fetch,
      sync: syncApp.fetch,
      appliance: applianceApp.fetch,
    },
    endFeeds() {
      stopping.abort()
      void Promise.all([realtime.gateway.close(), announced.close()]).then(() => hub.close())
    },
    forgetInstances() {
      instances.invalidate()
      realtime.gateway.recheck()
    },
    counts: metrics.counts,
    async close() {
      await sync?.close()
      await housekeeping.close()
      await jobSystem.close()
      await files.close()
    },
    async prepareFirstStart(publicPort) {
      const passphrase = adminAuth.generated
      if (!identity.isNew || !config.first_run || publicPort === undefined) return { passphrase }
      const domain = `home.localhost:${publicPort}`
      await instances.create({ domain })
      const token = await instances.mintToken({
        domain,
        audience: 'cli',
        scope: '*',
        subject: 'first-run',
        expires: 'never',
      })
      return { passphrase, home: { domain, token } }
    },
  }
}

/** Serves the time between opening the listeners and having an app: alive, not ready, everything else 503. */
export function newStartingApp(): Fetch {
  const app = newRouter()
  const reason = 'Hearth is starting.'
  healthRoutes(app, async () => reason)
  app.notFound((c) => jsonValue(c, 503, { error: 'store_unavailable', reason }, { 'retry-after': '1' }))
  return app.fetch
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
