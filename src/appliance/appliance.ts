/** The machine that Hearth is embedded in: everything that its API can do, put together. */
import { join } from 'node:path'
import type { Log } from '../log.ts'
import type { KeyAndCertificate } from '../self-signed.ts'
import { type Audit, openAudit } from './audit.ts'
import { type Backup, openBackup, type SaveServer } from './backup.ts'
import { endOf } from './certificate-store.ts'
import { type Certificates, openCertificates } from './certificates.ts'
import {
  type ApplianceConfig,
  type ConfigurationSources,
  firstRunWords,
  type optionalEndpoints,
  permitsField,
  readConfiguration,
} from './configuration.ts'
import { readIfThere } from './durable-file.ts'
import { type Facts, openFacts, versionNow } from './facts.ts'
import { type GuessLimiter, newGuessLimiter } from './guess-limiter.ts'
import { type Health, type HealthOptions, openHealth } from './health/health.ts'
import { renderMetrics } from './health/prometheus.ts'
import { openHooks } from './hooks.ts'
import { type Licenses, openLicenses } from './license.ts'
import { clearLeftovers, makePlaces, type Places, placesBelow } from './places.ts'
import { Exclusion, Procedure, type ProcedureOptions, type ProcedureState } from './procedures.ts'
import { openReboot, type Reboot } from './reboot.ts'
import { openRestore, type Restore, type ServerExchange } from './restore.ts'
import { openServices, type Services } from './services.ts'
import { openSettings, type Settings } from './settings.ts'
import { newSignedRequests, type SignedRequests } from './signed-requests.ts'
import { openStorage, type Storage } from './storage.ts'
import { openSupport, type Support } from './support.ts'
import { openToken, type TokenStore } from './token.ts'
import { openReleases } from './update/releases.ts'
import { probeTrial, takeUpTrial } from './update/trial.ts'
import { openUpdate, type Update } from './update/update.ts'

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
  readonly update: Update
  readonly backup: Backup
  readonly restore: Restore
  readonly reboot: Reboot
  /** Called when everything is served. A version on trial is confirmed after a while in which `probe` never rejects. */
  serving(probe: () => Promise<void>): void
  /** The machine and its procedures in Prometheus' text format. */
  metrics(): Promise<string>
  /** Reads the configuration again. */
  reload(): void
  /** Waits for procedures that are running, for a while. */
  close(): Promise<void>
}

export interface ApplianceOptions {
  /** Where everything of the appliance's is kept. */
  readonly root: string
  readonly configuration: ConfigurationSources
  readonly log: Log
  /** Uses this certificate for new connections of the listener. */
  readonly serveCertificate: (pair: KeyAndCertificate) => void
  /** Where the data is, whose disk is watched. */
  readonly dataDir: string
  /** Where makers of images put what the machine should know. */
  readonly system?: string | undefined
  /** Writes everything that Hearth keeps. */
  readonly save: SaveServer
  /** Replaces everything that Hearth keeps. */
  readonly exchange: ServerExchange
  /** The folder of the release that this process was started from. */
  readonly release?: string | undefined
  /** Ends this process so that the current release is started; resolves to false where nothing would start it again. */
  readonly restart?: (() => Promise<boolean>) | undefined
  /** Measures a disk; a test puts numbers in its place. */
  readonly blocksOf?: HealthOptions['blocksOf']
  /** Milliseconds between asking a hook to end and ending it. */
  readonly hookGraceMs?: number | undefined
  /** Milliseconds that a failed change of the token takes. */
  readonly pauseMs?: number | undefined
}

/** Opens everything: makes the folders and, where it is to be, the first passphrase. */
export async function openAppliance(options: ApplianceOptions): Promise<Appliance> {
  const { log, configuration } = options
  let config = readConfiguration(configuration)
  const { paths } = config
  const { proc = '/proc', sys = '/sys', data = options.dataDir } = paths
  const places = placesBelow({ ...paths, root: options.root, system: options.system })
  await makePlaces(places)
  await clearLeftovers(places)
  const token = await openToken(places, firstRunWords(config))
  const audit = await openAudit(places.log, log)
  const hooks = openHooks({
    folder: places.hooks,
    staging: places.staging,
    stateFolder: places.state,
    version: () => versionNow(places),
    runner: () => config.hooks.runner,
    timeouts: () => config.hooks.timeouts,
    graceMs: options.hookGraceMs ?? 10_000,
    onRefused(verb, reason) {
      log.error('a hook was refused', { verb, reason })
      void audit.write({ action: 'hook.refused', target: verb })
    },
  })
  const exclusion = new Exclusion()
  const procedure = (
    procedure: Pick<ProcedureOptions, 'name' | 'busy'> & Partial<ProcedureOptions> & { readonly logName: string },
  ) =>
    Procedure.open({
      stateFolder: places.state,
      logFile: join(places.log, procedure.logName),
      tag: () => config.log_tag,
      log,
      ...procedure,
    })
  const releases = openReleases(places)
  const [settingsRun, storageRun, certsRun, updateRun, backupRun, restoreRun] = await Promise.all([
    procedure({
      name: 'settings',
      busy: 'A change of the settings is already running',
      logName: 'update_settings.log',
    }),
    procedure({
      name: 'storage',
      busy: 'A change of the storage options is already running',
      logName: 'update_storage.log',
    }),
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
      goesOn: async () => (await releases.trial()) !== undefined,
      onEnd: ({ status, job }) => audit.write({ action: `update.${status}`, job }),
    }),
    procedure({
      name: 'backup',
      busy: 'A backup is already running',
      logName: 'update_backup.log',
      tag: () => config.log_tag_backup,
    }),
    procedure({ name: 'restore', busy: 'A restore is already running', logName: 'restore.log', exclusion }),
  ])
  const all = [settingsRun, storageRun, certsRun, updateRun, backupRun, restoreRun]
  const current = () => config
  const common = { places, hooks, config: current }
  const facts = openFacts(places)
  const services = openServices({ ...common, proc })
  const guesses = newGuessLimiter(options.pauseMs === undefined ? {} : { pauseMs: options.pauseMs })
  const runs = { settings: settingsRun, storage: storageRun, certs: certsRun, update: updateRun, backup: backupRun }
  const certificateEnds = async () => {
    const chain = await readIfThere(join(places.pki, 'current', 'chain.pem'))
    return chain === undefined ? undefined : endOf({ cert: chain, key: '' })
  }
  const lastBackup = () => (backupRun.state?.status === 'success' ? backupRun.state.ended : undefined)
  const health = openHealth({
    proc,
    sys,
    disk: data,
    blocksOf: options.blocksOf,
    async more() {
      const ends = await certificateEnds()
      const iso = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())
      const days = ends === undefined ? null : Math.floor((ends - Date.now() / 1000) / 86_400)
      return {
        procedures: Object.fromEntries(Object.entries(runs).map(([name, { state }]) => [name, state?.status ?? null])),
        certificate: { not_after: iso(ends === undefined ? undefined : ends * 1000), days },
        backup: { last: iso(lastBackup()) },
      }
    },
  })
  const restart = options.restart ?? (async () => false)
  const stopping = new AbortController()
  const trialOptions = {
    releases,
    procedure: updateRun,
    hooks,
    audit,
    log,
    running: options.release,
    restart,
    confirmSeconds: () => config.update.confirm_seconds,
  }
  const trial = await takeUpTrial(trialOptions)
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
    guesses,
    audit,
    facts,
    health,
    services,
    settings: openSettings({ ...common, procedure: settingsRun }),
    storage: openStorage({ ...common, procedure: storageRun }),
    certificates: openCertificates({ ...common, procedure: certsRun, serve: options.serveCertificate }),
    licenses: openLicenses(places, current),
    support: openSupport({ ...common, proc, collect: async () => ({}), warn: (event) => log.warning(event) }),
    update: openUpdate({ ...common, procedure: updateRun, facts, releases, restart }),
    restore: openRestore({ places, hooks, procedure: restoreRun, server: options.exchange }),
    backup: openBackup({ places, hooks, procedure: backupRun, save: options.save }),
    reboot: openReboot({ hooks, log, update: updateRun, restore: restoreRun }),
    serving(probe) {
      if (trial === undefined) return
      probeTrial(trialOptions, trial, probe, stopping.signal).catch((error: unknown) =>
        log.error('the trial of the new version cannot be ended', { error }),
      )
    },
    async metrics() {
      const { state } = updateRun
      const ended = lastBackup()
      return renderMetrics(proc, health.sampler, {
        version: versionNow(places),
        procedures: Object.fromEntries(Object.entries(runs).map(([name, run]) => [name, secondsOf(run.state)])),
        updatePercentage: state?.percentage,
        authFailures: guesses.failures,
        certificateEnds: await certificateEnds(),
        lastBackup: ended === undefined ? undefined : ended / 1000,
        services: await services.states(),
        fileSystems: await health.fileSystems(),
      })
    },
    reload() {
      config = readConfiguration(configuration)
    },
    async close() {
      stopping.abort()
      health.close()
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, 3_000).unref())
      await Promise.race([Promise.all(all.map((one) => one.settled())), deadline])
    },
  }
}

function secondsOf(state: ProcedureState | undefined): { status: string; seconds?: number } | undefined {
  if (state === undefined) return undefined
  const { status, started, ended } = state
  return ended === undefined ? { status } : { status, seconds: (ended - started) / 1000 }
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
