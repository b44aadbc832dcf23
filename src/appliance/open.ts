/** Finds out from the settings and the environment where the appliance is kept and how it is configured. */
import { join } from 'node:path'
import type { Config } from '../config/settings.ts'
import type { Log } from '../log.ts'
import type { KeyAndCertificate } from '../self-signed.ts'
import { openCertificate } from './certificate-store.ts'
import { type ConfigurationSources, readConfiguration, usualFile } from './configuration.ts'
import { placesBelow } from './places.ts'

/** The settings of the appliance. */
export interface ApplianceSettings {
  readonly root: string
  readonly dataDir: string
  readonly configuration: ConfigurationSources
  /** The folder of the release that this process was started from. */
  readonly release: string | undefined
}

/** `JIDO_ADMIN_PATH` is what existing images set; without it the appliance is in the data directory. */
export function applianceSettings(config: Config, log: Log, env: NodeJS.ProcessEnv = process.env): ApplianceSettings {
  const folder = env['JIDO_ADMIN_PATH']
  return {
    root: folder === undefined || folder === '' ? join(config.data_dir, 'appliance') : folder,
    dataDir: config.data_dir,
    release: env['JIDO_RELEASE'] || undefined,
    configuration: { settings: config.appliance, file: config.appliance.config ?? usualFile, log },
  }
}

/** The certificate of the listener. */
export function listenerCertificate({ root, dataDir, configuration }: ApplianceSettings): Promise<KeyAndCertificate> {
  const { paths, tls } = readConfiguration(configuration)
  return openCertificate(placesBelow({ ...paths, root }), dataDir, tls)
}

/** A service manager starts a server again that ends with this code. */
const restartCode = 75

/** Ends this process in order where a service manager starts it again, and says whether there is one. */
export async function restartByOthers(): Promise<boolean> {
  if (!process.env['INVOCATION_ID'] && !process.env['JIDO_RELEASE']) return false
  process.exitCode = restartCode
  process.kill(process.pid, 'SIGTERM')
  return true
}
