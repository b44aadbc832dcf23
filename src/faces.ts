/** Which listener serves which API: the routes over the services, one function for each listener. */

import { openAnnouncements } from '../routes/admin/realtime.ts'
import { adminRoutes } from '../routes/admin/routes.ts'
import { applianceRoutes } from '../routes/appliance/routes.ts'
import { appsRoutes } from '../routes/apps/routes.ts'
import { doorkeeper } from '../routes/auth/door.ts'
import { errorBody as pageError } from '../routes/auth/errors.ts'
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
import { settingsHosts } from '../routes/move/data-page.ts'
import { moveRoutes } from '../routes/move/routes.ts'
import { observe } from '../routes/observe.ts'
import { openApiRoute } from '../routes/openapi.ts'
import { realtimeRoutes } from '../routes/realtime/routes.ts'
import { settingsRoutes } from '../routes/settings/routes.ts'
import { statusRoutes } from '../routes/status.ts'
import { syncRoutes } from '../routes/sync/routes.ts'
import { filesDoctype } from '../storage/files/contract.ts'
import type { Appliance } from './appliance/appliance.ts'
import { effectiveContext } from './config/contexts.ts'
import { proxyAddresses } from './config/proxies.ts'
import type { Config } from './config/settings.ts'
import { actorOf } from './instances/actor.ts'
import type { Instance } from './instances/service.ts'
import type { Fetch, ListenerName } from './listeners.ts'
import type { Log } from './log.ts'
import { newReadyCheck } from './readiness.ts'
import type { Services } from './services.ts'
import { version } from './version.ts'

export interface FacesOptions {
  readonly config: Config
  readonly log: Log
  readonly services: Services
  /** Absent where that listener is off. */
  readonly appliance: Appliance | undefined
}

export interface Faces {
  readonly apps: Readonly<Record<ListenerName, Fetch>>
  /** Serves a request of this server to one of its own instances. */
  readonly serveOwn: (request: Request) => Response | Promise<Response>
  /** Looks again whether those at the other end of websockets may still have them. */
  recheckSockets(): void
  /** Ends all websockets. */
  closeSockets(): Promise<void>
}

/** Builds what each listener serves. */
export function openFaces(options: FacesOptions): Faces {
  const { config, log, services } = options
  const { hub, metrics } = services
  const ready = newReadyCheck({ 'document store': services.store, 'object store': services.objects })
  const newApp = (listener: ListenerName): HttpRouter => {
    const app = newRouter()
    app.use(observe({ listener, metrics, log, everything: config.log.level === 'debug' }))
    healthRoutes(app, ready)
    app.notFound((c) => jsonValue(c, 404, { error: 'not_found', reason: 'There is nothing at this path.' }))
    app.onError(newFace({ log, errorBody: ({ code, reason }) => ({ error: code, reason }) }).onError)
    return app
  }
  const apps = {
    public: newApp('public'),
    admin: newApp('admin'),
    sync: newApp('sync'),
    appliance: newApp('appliance'),
  }
  const announced = openAnnouncements({ hub, log })
  const { gateway } = servePublic(apps.public, options)
  serveAdmin(apps.admin, options, announced)
  serveSync(apps.sync, options)
  serveAppliance(apps.appliance, options)
  return {
    apps: {
      public: apps.public.fetch,
      admin: apps.admin.fetch,
      sync: apps.sync.fetch,
      appliance: apps.appliance.fetch,
    },
    serveOwn: (request) => apps.public.fetch(request),
    recheckSockets: () => gateway.recheck(),
    async closeSockets() {
      await Promise.all([gateway.close(), announced.close()])
    },
  }
}

/** What owners and their applications use. */
function servePublic(app: HttpRouter, { config, log, services }: FacesOptions) {
  const { documents, instances, secrets, store, objects, hub, metrics, auth, jobs, apps } = services
  const expiredStatus = config.token.expired_status
  const limits = { maxDocumentBytes: config.documents.max_size, maxRequestBytes: config.request.max_size }
  const maxJsonBytes = limits.maxRequestBytes
  const clientOf = newClientOf(proxyAddresses(config.trusted_proxies))
  const shared = { instances, log, expiredStatus, maxJsonBytes }
  const move = {
    ...shared,
    exports: services.exports,
    imports: services.imports,
    moves: services.moves,
    ownerSettings: services.ownerSettings,
    wizardOf: wizardOf(config),
    auth,
    stopping: services.stopping.signal,
    outgoing: services.outgoing,
    attempts: store.attempts,
    clientOf,
  }
  app.use(cors())
  app.use(settingsHosts(move, newFace({ log, errorBody: pageError }).onError))
  app.use(doorkeeper({ instances, clientOf }))

  const realtime = realtimeRoutes({ ...shared, hub, ancestors: (prefix, id) => store.files.tree(prefix).ancestors(id) })
  metrics.observe('realtime_sockets', 'gauge', 'Open websockets.', () => realtime.gateway.size)
  const cutOffHelp = 'Websockets ended because their clients did not take what they were sent.'
  metrics.observe('realtime_cut_off_total', 'counter', cutOffHelp, () => realtime.gateway.cutOff)

  const faces = [
    appsRoutes({ ...shared, apps }),
    statusRoutes({
      log,
      parts: { cache: () => store.ping(), couchdb: () => store.ping(), fs: () => objects.ping() },
    }),
    authRoutes(
      { instances, auth, mail: services.ownerMail, usageOf: services.moves.requests.usage, clientOf, log },
      { version },
    ),
    filesRoutes({ ...shared, ...services, secrets: store.files.secrets }),
    settingsRoutes({
      ...shared,
      files: services.files,
      driveOf: services.driveOf,
      ownerSettings: services.ownerSettings,
    }),
    dataRoutes({
      ...{ documents, instances, secrets, log, limits, expiredStatus },
      actorOf: (prefix, token) => actorOf(store, prefix, token),
    }),
    couchdbRoutes({ documents, instances, store, log, uuid: services.identity.uuid, limits }),
    realtime,
    jobsRoutes({ ...shared, jobs, triggers: services.triggers, attempts: store.attempts }),
    moveRoutes(move),
  ]
  openApiRoute(app, faces, { version })
  // The order decides: the data face has what the faces before it left under /data.
  for (const face of faces) app.route('/', face.router)
  return realtime
}

/** What operators use. */
function serveAdmin(app: HttpRouter, { config, log, services }: FacesOptions, announced: Announced): void {
  const clientOf = newClientOf(proxyAddresses(config.trusted_proxies))
  const driveOf = services.driveWithoutActor
  const face = adminRoutes({ ...services, ...services.administration, announced, clientOf, driveOf, log })
  openApiRoute(app, [face], { version, title: 'Hearth: administration', schemes: ['basic'] })
  app.route('/', face.router)
}

type Announced = ReturnType<typeof openAnnouncements>

function serveSync(app: HttpRouter, { config, log, services }: FacesOptions): void {
  const { sync, syncToken, stopping, instances } = services
  // Workers do not synchronise, and that listener is not theirs.
  if (sync === undefined) return
  const mayUseDrive = async (domain: string, token: string) => {
    const instance = await instances.byHost(domain)
    const permissions = instance && (await instances.authorise(instance, token).catch(() => undefined))
    return (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).every((verb) =>
      permissions?.allowsType(verb, filesDoctype),
    )
  }
  const { host } = config.sync
  const face = syncRoutes({ sync, log, token: syncToken, host, mayUseDrive, stopping: stopping.signal })
  openApiRoute(app, [face], { version })
  app.route('/', face.router)
}

function serveAppliance(app: HttpRouter, { log, appliance }: FacesOptions): void {
  if (appliance === undefined) return
  const face = applianceRoutes({ appliance, log })
  openApiRoute(app, [face], { version })
  app.route('/', face.router)
}

/** Where the wizard for moves is: the one of the instance's context, else the server's. */
function wizardOf(config: Config): (instance: Instance) => URL | undefined {
  return ({ document }) => {
    const context = typeof document['context'] === 'string' ? document['context'] : undefined
    const url = effectiveContext(config, context).move_url ?? config.move.url
    return url === undefined ? undefined : new URL(url)
  }
}
