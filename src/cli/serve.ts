/** `hearth serve`: opens everything, says where it is, and closes it in order when told to. */
import { get } from 'node:https'
import type { Command } from 'commander'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { Appliance } from '../appliance/appliance.ts'
import { applianceSettings, listenerCertificate, restartByOthers } from '../appliance/open.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/settings.ts'
import { welcome } from '../first-run.ts'
import { type Fetch, type ListenerName, type ListenerOptions, type Listeners, openListeners } from '../listeners.ts'
import { removeListenersFile, writeListenersFile } from '../listeners-file.ts'
import { type Log, openLog } from '../log.ts'
import { StartupError } from '../model/startup-error.ts'
import { workerCount } from '../processes/budget.ts'
import { alone } from '../processes/siblings.ts'
import { newServiceManager } from '../service-manager.ts'
import type { WorkingCrew } from './crew.ts'
import { newEntrance } from './entrance.ts'
import { publicListener } from './listener-options.ts'
import type { Output } from './output.ts'
import { type RunningServer, runServer } from './running-server.ts'
import { serverData } from './server-data.ts'
import { addSettingsOptions, loadFromOptions } from './settings-options.ts'
import { watchUncaught } from './uncaught.ts'

/** Running requests get this long to finish; the rest of the 10 s is for the store. */
const drainMs = 5_000
/** After this the process ends whatever is still open; an embedded server left running is adopted by the next start. */
const giveUpMs = 8_500

/** Adds `hearth serve`. */
export function addServeCommand(program: Command, output: Output): void {
  addSettingsOptions(program.command('serve').description('run the server until it gets SIGTERM or SIGINT')).action(
    (_options: unknown, command: Command) => serve(loadFromOptions(command), output),
  )
}

/** Resolves when the server was told to stop and has stopped. Rejects when it cannot start or continue. */
async function serve({ config, warnings }: LoadedConfig, output: Output): Promise<void> {
  const log = openLog({ ...config.log, terminal: process.stderr.isTTY === true, write: (line) => output.err(line) })
  for (const warning of warnings) log.warning('configuration', { warning })
  const stop = stopRequest(log)
  const manager = newServiceManager()
  // Loaded when needed: the other commands start faster without them.
  const [{ newStartingApp, openApp }, { openStore }, { openObjects }] = await Promise.all([
    import('../app.ts'),
    import('../store.ts'),
    import('../objects.ts'),
  ])
  const count = workerCount(config)
  if (count === 0 && config.workers !== 1 && config.workers !== 'auto') log.warning('no listener for workers to share')
  const first = await openStore(config, log)
  let objects: ObjectStore | undefined
  let listeners: Listeners | undefined
  let crew: WorkingCrew | undefined
  let server: RunningServer | undefined
  let appliance: Appliance | undefined
  try {
    objects = await openObjects(config, log)
    const entrance = newEntrance(newStartingApp())
    const options = await listenersOf(config, log, entrance.fetch)
    if (count > 0) {
      const { openCrew } = await import('./crew.ts')
      const target = () => server?.target ?? first.target
      const onInstancesChanged = () => server?.current?.forgetInstances()
      crew = await openCrew({ config, log, count, starting: entrance.fetch('public'), target, onInstancesChanged })
    }
    listeners = await openListeners(options.filter(({ name }) => crew === undefined || name !== 'public'))
    const addresses = { ...listeners.addresses }
    if (addresses.appliance !== undefined) {
      const ownWhileClosed: RunningServer['whileClosed'] = (work) => server?.whileClosed(work) ?? Promise.reject()
      const whileClosed: RunningServer['whileClosed'] = (work) =>
        crew === undefined ? ownWhileClosed(work) : crew.whileClosed(() => ownWhileClosed(work))
      appliance = await openMachine({ config, log, listeners, objects, whileClosed })
    }
    const ours = objects
    const siblings = crew?.siblings ?? alone
    server = await runServer(
      {
        openStore: () => openStore(config, log),
        openApp: (store) => openApp(config, log, store, ours, appliance, siblings),
        lead: entrance.lead,
      },
      first,
    )
    if (crew !== undefined) addresses.public = await crew.begin()
    const shown = await server.app.prepareFirstStart(addresses.public?.port)
    entrance.lead(server.app)
    appliance?.serving(() => probe(config, addresses.appliance?.port))
    await writeListenersFile(config.data_dir, addresses)
    output.out(welcome({ addresses, ...shown, appliance: appliance?.token.passphrase }))
    log.info('started', { pid: process.pid })
    manager.ready()
    const failure = await Promise.race([stop, server.failed])
    if (failure !== undefined) throw failure
  } finally {
    giveUpLater()
    manager.stopping()
    const started = performance.now()
    server?.endFeeds()
    await Promise.all([listeners?.close(drainMs), crew?.stop(drainMs + 1_500)])
    await removeListenersFile(config.data_dir)
    await appliance?.close()
    // Objects are used until the last moment; without a server the store is still ours to close.
    await server?.close()
    await objects?.close()
    if (server === undefined) await first.close()
    log.info('stopped', { ms: Math.round(performance.now() - started) })
  }
}

interface Machine {
  readonly config: Config
  readonly log: Log
  readonly listeners: Listeners
  readonly objects: ObjectStore
  readonly whileClosed: RunningServer['whileClosed']
}

/** Rejects unless the listener of the appliance completes a handshake and the stores answer behind it. */
async function probe(config: Config, port: number | undefined): Promise<void> {
  const host = config.appliance.host === 'localhost' ? '127.0.0.1' : config.appliance.host
  const options = { host, port, path: '/readyz', rejectUnauthorized: false, agent: false, timeout: 10_000 } as const
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const request = get(options, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', reject)
  })
  if (status !== 200) throw new Error(`readyz answers ${status}`)
}

/** The appliance's own part, with the certificate of its listener in its hands. SIGHUP has it read its configuration again. */
async function openMachine({ config, log, listeners, objects, whileClosed }: Machine): Promise<Appliance> {
  const { openAppliance } = await import('../appliance/appliance.ts')
  const settings = applianceSettings(config, log)
  const appliance = await openAppliance({
    ...settings,
    ...(await serverData({ config, log, objects, whileClosed, folder: settings.root })),
    log,
    serveCertificate: listeners.setCertificate,
    restart: restartByOthers,
  })
  process.on('SIGHUP', appliance.reload)
  return appliance
}

async function listenersOf(config: Config, log: Log, fetch: (name: ListenerName) => Fetch): Promise<ListenerOptions[]> {
  const options: ListenerOptions[] = []
  const { host, port, admin, sync, appliance } = config
  if (port !== 'off') options.push(publicListener({ host, port }, fetch('public')))
  if (admin.port !== 'off') {
    options.push({
      name: 'admin',
      setting: 'admin.port',
      host: admin.host,
      port: admin.port,
      fetch: fetch('admin'),
      websocketPaths: ['/realtime'],
    })
  }
  if (sync.port !== 'off')
    options.push({ name: 'sync', setting: 'sync.port', host: sync.host, port: sync.port, fetch: fetch('sync') })
  if (appliance.port !== 'off') {
    const tls = await listenerCertificate(applianceSettings(config, log))
    const { host: applianceHost, port: appliancePort } = appliance
    const place = { host: applianceHost, port: appliancePort }
    options.push({ name: 'appliance', setting: 'appliance.port', ...place, fetch: fetch('appliance'), tls })
  }
  if (options.length === 0) throw new StartupError('every listener is off: there is nothing to serve')
  return options
}

/** Resolves to nothing at SIGTERM or SIGINT, and to an error after an uncaught one. A second signal ends at once. */
function stopRequest(log: Log): Promise<undefined | Error> {
  process.on('unhandledRejection', (error) => log.error('unhandled rejection', { error }))
  return new Promise((resolve) => {
    let asked = false
    const onSignal = (signal: string) => {
      if (asked) process.exit(1)
      asked = true
      log.info('stopping', { signal })
      giveUpLater()
      resolve(undefined)
    }
    process.on('SIGTERM', () => onSignal('SIGTERM'))
    process.on('SIGINT', () => onSignal('SIGINT'))
    watchUncaught(
      () => log,
      (error) => resolve(new StartupError('stopped after an unexpected error; the log says more', { cause: error })),
    )
  })
}

function giveUpLater(): void {
  setTimeout(() => process.exit(1), giveUpMs).unref()
}
