/** The machine that Hearth is embedded in: everything that its API can do, put together. */
import { join } from 'node:path'
import type { Log } from '../log.ts'
import type { KeyAndCertificate } from '../self-signed.ts'
import { type Audit, openAudit } from './audit.ts'
import { type Certificates, openCertificates } from './certificates.ts'
import {
  type ApplianceConfig,
  type ConfigurationSources,
  firstRunWords,
  optionalEndpoints,
  permitsField,
  readConfiguration,
} from './configuration.ts'
import { type Facts, openFacts, versionNow } from './facts.ts'
import { type GuessLimiter, newGuessLimiter } from './guess-limiter.ts'
import { type Health, openHealth } from './health/health.ts'
import { openHooks } from './hooks.ts'
import { type Licenses, openLicenses } from './license.ts'
import { makePlaces, type Places } from './places.ts'
import { Exclusion, Procedure, type ProcedureOptions } from './procedures.ts'
import { openReboot, type Reboot } from './reboot.ts'
import { openServices, type Services } from './services.ts'
import { openSettings, type Settings } from './settings.ts'
import { newSignedRequests, type SignedRequests } from './signed-requests.ts'
import { openStorage, type Storage } from './storage.ts'
import { openSupport, type Support } from './support.ts'
import { openToken, type TokenStore } from './token.ts'

const fixedEndpoints = [
  'setup',
  'update',
  'logs',
  'debug',
  'reboot',
  'services',
  'version',
  'changelog',
  'build',
  'health',
  'endpoints',
] as const

/** A part of the API: what follows the prefix, up to the next slash. */
export type Endpoint = (typeof fixedEndpoints)[number] | (typeof optionalEndpoints)[number]

export interface Limits {
  readonly uploadIdleMs: number
  readonly uploadGraceMs: number
  /** Bytes per second that an upload must reach on average once it has had its grace. */
  readonly uploadMinRate: number
  readonly updateBytes: number
  readonly restoreBytes: number
}

export interface Appliance {
  readonly places: Places
  config(): ApplianceConfig
  limits(): Limits
  hasEndpoint(endpoint: Endpoint): boolean
  /** Whether the first token is set with a passphrase here. */
  hasFirstRun(): boolean
  permitsField(name: string): boolean
  readonly token: TokenStore
  readonly signed: SignedRequests
  readonly guesses: GuessLimiter
  readonly audit: Audit
  readonly facts: Facts
  readonly health: Health
  readonly services: Services
  readonly settings: Settings
  readonly storage: Storage
  readonly certificates: Certificates
  readonly licenses: Licenses
  readonly support: Support
  readonly reboot: Reboot
  /** Reads the configuration again. */
  reload(): void
  /** Waits for procedures that are running, for a while. */
  close(): Promise<void>
}

export interface ApplianceOptions {
  readonly places: Places
  readonly configuration: Omit<ConfigurationSources, 'log'>
  readonly log: Log
  /** Gives new connections of the listener this certificate. */
  readonly serveCertificate: (pair: KeyAndCertificate) => void
  readonly proc: string
  readonly sys: string
  /** Where the data is, whose disk is watched. */
  readonly dataDir: string
  /** Milliseconds that a failed change of the token takes. */
  readonly pauseMs?: number | undefined
}

/** Opens everything: makes the folders and, where it is to be, the first passphrase. */
export async function openAppliance(options: ApplianceOptions): Promise<Appliance> {
  const { places, log, proc, sys, dataDir } = options
  await makePlaces(places)
  let config = readConfiguration({ ...options.configuration, log })
  const token = await openToken(places, firstRunWords(config))
  const audit = await openAudit(places.log, log)
  const hooks = openHooks({
    folder: places.hooks,
    staging: places.staging,
    stateFolder: places.state,
    version: () => versionNow(places),
    runner: () => config.hooks.runner,
    timeouts: () => config.hooks.timeouts,
    onRefused(verb, reason) {
      log.error('a hook was refused', { verb, reason })
      void audit.write({ action: 'hook.refused', target: verb })
    },
  })
  const exclusion = new Exclusion()
  const procedure = (given: Pick<ProcedureOptions, 'name' | 'busy'> & Partial<ProcedureOptions> & { readonly logName: string }) =>
    Procedure.open({
      stateFolder: places.state,
      logFile: join(places.log, given.logName),
      tag: () => config.log_tag,
      log,
      ...given,
    })
  const [settingsRun, storageRun, certsRun, updateRun, restoreRun] = await Promise.all([
    procedure({ name: 'settings', busy: 'A change of the settings is already running', logName: 'update_settings.log' }),
    procedure({ name: 'storage', busy: 'A change of the storage options is already running', logName: 'update_storage.log' }),
    procedure({
      name: 'certs',
      busy: 'A change of the certificates is already running',
      logName: 'update_certs.log',
      exclusion,
      onEnd: ({ status, job }) => audit.write({ action: `certs.${status}`, job }),
    }),
    procedure({
      name: 'update',
      busy: 'Update is already running',
      busyCode: 'E1004',
      interruptedCode: 'E1002',
      unforeseenCode: 'E1000',
      logName: 'update.log',
      exclusion,
      onEnd: ({ status, job }) => audit.write({ action: `update.${status}`, job }),
    }),
    procedure({ name: 'restore', busy: 'A restore is already running', logName: 'restore.log', exclusion }),
  ])
  const all = [settingsRun, storageRun, certsRun, updateRun, restoreRun]
  const current = () => config
  const common = { places, hooks, config: current }
  return {
    places,
    config: current,
    limits: () => limitsOf(config),
    hasEndpoint: (endpoint) =>
      fixedEndpoints.some((fixed) => fixed === endpoint) || config.endpoints.includes(endpoint),
    hasFirstRun: () => firstRunWords(config) > 0,
    permitsField: (name) => permitsField(config, name),
    token,
    signed: newSignedRequests(() => token.key()),
    guesses: newGuessLimiter(options.pauseMs === undefined ? {} : { pauseMs: options.pauseMs }),
    audit,
    facts: openFacts(places),
    health: openHealth({ proc, sys, disk: dataDir }),
    services: openServices({ ...common, proc }),
    settings: openSettings({ ...common, procedure: settingsRun }),
    storage: openStorage({ ...common, procedure: storageRun }),
    certificates: openCertificates({ ...common, procedure: certsRun, serve: options.serveCertificate }),
    licenses: openLicenses(places, current),
    support: openSupport({ ...common, proc, collect: async () => ({}), warn: (event) => log.warning(event) }),
    reboot: openReboot({ hooks, log, update: updateRun, restore: restoreRun }),
    reload() {
      config = readConfiguration({ ...options.configuration, log })
    },
    async close() {
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, 3_000).unref())
      await Promise.race([Promise.all(all.map((one) => one.settled())), deadline])
    },
  }
}

function limitsOf({ limits }: ApplianceConfig): Limits {
  return {
    uploadIdleMs: (limits['upload_idle_seconds'] ?? 60) * 1000,
    uploadGraceMs: (limits['upload_grace_seconds'] ?? 30) * 1000,
    uploadMinRate: limits['upload_min_rate'] ?? 8_192,
    updateBytes: limits['update'] ?? 4 * 1024 ** 3,
    restoreBytes: limits['restore'] ?? 2 ** 50,
  }
}
