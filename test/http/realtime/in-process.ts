/** Realtime routes in this process, on a real socket and a real PostgreSQL, with limits that a test can wait for. */

import { type SocketLimits, socketLimits } from '../../../routes/realtime/limits.ts'
import { realtimeRoutes } from '../../../routes/realtime/routes.ts'
import { indexCompiler } from '../../../src/documents/mango/index-compiler.ts'
import { openInstances } from '../../../src/instances/instances.ts'
import type { Instance } from '../../../src/instances/service.ts'
import { openListeners } from '../../../src/listeners.ts'
import { silentLog } from '../../../src/log.ts'
import { Hub } from '../../../src/realtime/hub.ts'
import type { DocumentStore } from '../../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../../storage/postgres/documents.ts'
import { bodyOf } from '../../conformance/documents.ts'
import { sharedPostgres } from '../../support/postgres.ts'
import type { Place } from './listener.ts'

export interface InProcess extends Place {
  readonly store: DocumentStore
  readonly instances: ReturnType<typeof openInstances>
  readonly gateway: ReturnType<typeof realtimeRoutes>['gateway']
  token(scope?: string, expires?: number): Promise<string>
  /** Stores a document of the instance. */
  put(type: string, id: string, value?: object): Promise<void>
  stop(): Promise<void>
}

export async function openInProcess(limits: Partial<SocketLimits>): Promise<InProcess> {
  const target = await (await sharedPostgres()).createDatabase()
  const store = await openPostgresDocuments({ target, maxConnections: 4, compiler: indexCompiler })
  const instances = openInstances({ store, onChange: () => routes.gateway.recheck() })
  const hub = new Hub({ store, log: silentLog })
  const all = { ...socketLimits, sweepMs: 20, ...limits }
  const routes = realtimeRoutes({
    hub,
    instances,
    ancestors: async () => [],
    log: silentLog,
    expiredStatus: 400,
    limits: all,
  })
  const { gateway } = routes
  const fetch = routes.router.fetch
  const options = {
    name: 'public',
    setting: 'port',
    host: '127.0.0.1',
    port: 0,
    fetch,
    websocketPaths: ['/realtime'],
  } as const
  const listeners = await openListeners([options])
  const domain = 'in-process.localhost'
  const instance: Instance = await instances.create({ domain })
  return {
    url: listeners.addresses.public?.url ?? '',
    domain,
    store,
    instances,
    gateway,
    token: (scope = '*', expires) =>
      instances.mintToken({
        domain,
        audience: 'cli',
        scope,
        subject: 'test',
        ...(expires === undefined ? {} : { expires }),
      }),
    async put(type, id, value = {}) {
      const ref = { prefix: instance.prefix, name: type }
      await store.createDatabase(ref)
      await store.write([{ ref, id, deleted: false, body: bodyOf(value as never), unknownParent: 'refuse' }])
    },
    async stop() {
      await gateway.close()
      hub.close()
      await listeners.close(1_000)
      await store.close()
    },
  }
}
