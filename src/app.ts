/** One running server over open stores: services and the faces over them, and what begins and ends with them. */
import { healthRoutes } from '../routes/health.ts'
import { jsonValue } from '../routes/http/answer.ts'
import { newRouter } from '../routes/http/router.ts'
import type { ObjectStore } from '../storage/objects/contract.ts'
import type { Appliance } from './appliance/appliance.ts'
import type { Config } from './config/settings.ts'
import { type Faces, openFaces } from './faces.ts'
import type { Welcome } from './first-run.ts'
import { registerWorkers } from './job-workers.ts'
import type { Fetch } from './listeners.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { alone, type Siblings } from './processes/siblings.ts'
import { openServices, type Stores } from './services.ts'

/** Everything that serves. */
export interface App {
  readonly apps: Faces['apps']
  /** Makes what the first start makes. `publicPort` is the real one; absent when that listener is off. */
  prepareFirstStart(publicPort: number | undefined): Promise<Pick<Welcome, 'passphrase' | 'home'>>
  /** Ends the answers that would otherwise never end, each as if its time were up, and the websockets. */
  endFeeds(): void
  /** Another process changed an instance: what is remembered of instances and tokens no longer counts. */
  forgetInstances(): void
  /** What this process counted. */
  readonly counts: Metrics['counts']
  /** Ends what runs by itself. The stores must still be open. */
  close(): Promise<void>
}

/**
 * Builds services and routes over open stores. What a first start makes (identity, passphrase) is made here, so the
 * listeners should be open by then: otherwise a later failure would lose the passphrase unseen.
 */
export async function openApp(
  config: Config,
  log: Log,
  stores: Stores,
  objects: ObjectStore,
  appliance: Appliance | undefined,
  siblings: Siblings = alone,
): Promise<App> {
  const services = await openServices({
    config,
    log,
    stores,
    objects,
    siblings,
    onInstanceChange: () => faces.recheckSockets(),
    serveOwn: (request) => faces.serveOwn(request),
  })
  const faces = openFaces({ config, log, services, appliance })
  const recurring = registerWorkers(config, log, services)
  const { adminAuth, files, hub, identity, instances, jobSystem, metrics, stopping, sync } = services
  jobSystem.start()
  if (siblings.leads) recurring.start()
  return {
    apps: faces.apps,
    endFeeds() {
      stopping.abort()
      void faces.closeSockets().then(() => hub.close())
    },
    forgetInstances() {
      instances.invalidate()
      faces.recheckSockets()
    },
    counts: metrics.counts,
    async close() {
      await sync?.close()
      const swept = recurring.close()
      await jobSystem.close()
      await files.close()
      await swept
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
