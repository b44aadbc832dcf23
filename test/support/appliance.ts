/** An appliance's API of its own over real TLS, in this process: the database is not needed for it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applianceRoutes } from '../../routes/appliance/routes.ts'
import { type Appliance, type ApplianceOptions, openAppliance } from '../../src/appliance/appliance.ts'
import { openCertificate } from '../../src/appliance/certificate-store.ts'
import { placesBelow } from '../../src/appliance/places.ts'
import { type Listeners, openListeners } from '../../src/listeners.ts'
import { type Log, silentLog } from '../../src/log.ts'

export interface ApplianceStage {
  readonly appliance: Appliance
  readonly port: number
  /** The folder of the appliance. */
  readonly root: string
  /** Where makers of images put files. */
  readonly system: string
  readonly hooks: string
  close(): Promise<void>
}

export interface StageOptions {
  /** The JSON configuration. `first-run` is off unless given. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Called before anything is opened. */
  readonly prepare?: (folders: { readonly root: string; readonly system: string; readonly hooks: string }) => void
  /** A folder of an earlier stage, which is kept. */
  readonly folder?: string
  readonly keep?: boolean
  readonly pauseMs?: number
  readonly log?: Log
  readonly more?: Partial<ApplianceOptions>
}

/** The optional endpoints that the contract has. */
export const allEndpoints = ['settings', 'certs', 'license', 'storage', 'backup']

/** Opens one. Close it afterwards. */
export async function openStage(options: StageOptions = {}): Promise<ApplianceStage> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'hearth-appliance-'))
  const [root, system, hooks] = [join(folder, 'admin'), join(folder, 'system'), join(folder, 'hooks')]
  const { mkdirSync } = await import('node:fs')
  for (const one of [root, join(root, 'etc'), system, hooks]) mkdirSync(one, { recursive: true, mode: 0o700 })
  options.prepare?.({ root, system, hooks })
  const file = join(folder, 'configuration.json')
  const given = {
    endpoints: allEndpoints,
    'first-run': { enabled: false },
    ...options.config,
    paths: { hooks, ...(options.config?.['paths'] as object | undefined) },
  }
  // `SYSTEM` in the configuration is the folder of the maker of the image.
  writeFileSync(file, JSON.stringify(given).replaceAll('SYSTEM', system))
  let listeners: Listeners | undefined
  const log = options.log ?? silentLog
  const appliance = await openAppliance({
    root,
    system,
    dataDir: folder,
    configuration: { settings: {}, file, log },
    log,
    serveCertificate: (pair) => listeners?.setCertificate(pair),
    pauseMs: options.pauseMs,
    save: (destination) => destination(oneChunk('everything')),
    exchange: {
      async replace(_job, backup) {
        for await (const _ of backup()) {
          // Nothing is kept here.
        }
      },
    },
    ...options.more,
  })
  const tls = await openCertificate(placesBelow({ root }), folder)
  const { router } = applianceRoutes({ appliance, log })
  listeners = await openListeners([
    { name: 'appliance', setting: 'appliance.port', host: '127.0.0.1', port: 0, fetch: router.fetch, tls },
  ])
  return {
    appliance,
    port: listeners.addresses.appliance?.port ?? 0,
    root,
    system,
    hooks,
    async close() {
      await listeners?.close(0)
      await appliance.close()
      if (options.keep !== true) rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}
