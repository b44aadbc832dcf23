/** `hearth serve`: opens everything, says where it is, and closes it in order when told to. */
import type { Command } from 'commander'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import type { App } from '../app.ts'
import { openApplianceCertificate } from '../appliance-certificate.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { welcome } from '../first-run.ts'
import { type Fetch, type ListenerName, type ListenerOptions, type Listeners, openListeners } from '../listeners.ts'
import { removeListenersFile, writeListenersFile } from '../listeners-file.ts'
import { type Log, openLog } from '../log.ts'
import { StartupError } from '../model/startup-error.ts'
import type { Output } from './output.ts'
import { addSettingsOptions, loadFromOptions } from './settings-options.ts'

/** Running requests get this long to finish; the rest of the 10 s is for the store. */
const drainMs = 5_000
/** After this the process ends whatever is still open; an embedded server left running is adopted by the next start. */
const giveUpMs = 9_500

/** Adds `hearth serve`. */
export function addServeCommand(program: Command, output: Output): void {
  addSettingsOptions(program.command('serve').description('run the server until it gets SIGTERM or SIGINT')).action(
    (_options: unknown, command: Command) => serve(loadFromOptions(command), output),
  )
}

/** Resolves when the server was told to stop and has stopped. Rejects when it cannot start or cannot go on. */
async function serve({ config, warnings }: LoadedConfig, output: Output): Promise<void> {
  const log = openLog({ ...config.log, terminal: process.stderr.isTTY === true, write: (line) => output.err(line) })
  for (const warning of warnings) log.warning('configuration', { warning })
  const stop = stopRequest(log)
  // Loaded when needed: the other commands start faster without them.
  const [{ newStartingApp, openApp }, { openStore }, { openObjects }] = await Promise.all([
    import('../app.ts'),
    import('../store.ts'),
    import('../objects.ts'),
  ])
  const opened = await openStore(config, log)
  let objects: ObjectStore | undefined
  let listeners: Listeners | undefined
  let app: App | undefined
  try {
    objects = await openObjects(config, log)
    const entrance = newEntrance(newStartingApp())
    listeners = await openListeners(await listenersOf(config, entrance.fetch))
    const { addresses } = listeners
    app = await openApp(config, log, opened.store, objects)
    const first = await app.greet(addresses.public?.port)
    entrance.open(app)
    await writeListenersFile(config.data_dir, addresses)
    output.out(welcome({ addresses, ...first }))
    log.info('started', { pid: process.pid })
    const failure = await Promise.race([stop, opened.failed])
    if (failure !== undefined) throw failure
  } finally {
    giveUpLater()
    const started = performance.now()
    app?.endFeeds()
    await listeners?.close(drainMs)
    await removeListenersFile(config.data_dir)
    await app?.close()
    await objects?.close()
    await opened.close()
    log.info('stopped', { ms: Math.round(performance.now() - started) })
  }
}

/** Listeners open before there is something to serve: until then they lead to `starting`. */
function newEntrance(starting: Fetch): { readonly fetch: (name: ListenerName) => Fetch; open(app: App): void } {
  let apps: App['apps'] | undefined
  return {
    fetch: (name) => (request, env) => (apps?.[name] ?? starting)(request, env),
    open(app) {
      apps = app.apps
    },
  }
}

async function listenersOf(config: Config, fetch: (name: ListenerName) => Fetch): Promise<ListenerOptions[]> {
  const options: ListenerOptions[] = []
  const { host, port, admin, sync, appliance } = config
  if (port !== 'off') {
    options.push({ name: 'public', setting: 'port', host, port, fetch: fetch('public'), websocketPaths: ['/realtime'] })
  }
  if (admin.port !== 'off') {
    options.push({ name: 'admin', setting: 'admin.port', host: admin.host, port: admin.port, fetch: fetch('admin') })
  }
  if (sync.port !== 'off')
    options.push({ name: 'sync', setting: 'sync.port', host: sync.host, port: sync.port, fetch: fetch('sync') })
  if (appliance.port !== 'off') {
    const tls = await openApplianceCertificate(config.data_dir)
    const { host: applianceHost, port: appliancePort } = appliance
    const place = { host: applianceHost, port: appliancePort }
    options.push({ name: 'appliance', setting: 'appliance.port', ...place, fetch: fetch('appliance'), tls })
  }
  if (options.length === 0) throw new StartupError('every listener is off: there is nothing to serve')
  return options
}

/** Resolves to nothing at SIGTERM or SIGINT, and to an error after one that nobody caught. A second signal ends at once. */
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
    process.on('uncaughtException', (error) => {
      log.error('uncaught exception', { error })
      resolve(new StartupError('stopped after an unexpected error; the log says more', { cause: error }))
    })
  })
}

function giveUpLater(): void {
  setTimeout(() => process.exit(1), giveUpMs).unref()
}
