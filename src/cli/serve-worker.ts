/** A worker: a process that answers the public listener of a server, together with others. Its owner starts and ends it. */
import cluster from 'node:cluster'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { newStartingApp, openApp } from '../app.ts'
import type { Config } from '../config/settings.ts'
import { type Listeners, openListeners } from '../listeners.ts'
import { type Log, openLog } from '../log.ts'
import { StartupError } from '../model/startup-error.ts'
import { openObjects } from '../objects.ts'
import { newChannel, type Start } from '../processes/channel.ts'
import type { Siblings } from '../processes/siblings.ts'
import { type OpenedStore, openStoreOfWorker } from '../store.ts'
import { version } from '../version.ts'
import { newEntrance } from './entrance.ts'
import { publicListener } from './listener-options.ts'
import type { Output } from './output.ts'
import { type RunningServer, runServer } from './running-server.ts'
import { watchUncaught } from './uncaught.ts'

/** Running requests get this long to finish. */
const drainMs = 5_000
const giveUpMs = 6_500
const forgetMs = 12_000

/** Resolves to the exit code when it was told to stop and has stopped. */
export async function serveAsWorker(output: Output): Promise<number> {
  const { send } = process
  if (!cluster.isWorker || send === undefined) {
    output.err('hearth: this command is for Hearth itself; hearth serve --workers N starts workers\n')
    return 2
  }
  // Signals of a terminal reach the owner too, which tells its workers.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
  // Without its owner nothing would end it, and the database is not its own.
  process.on('disconnect', () => process.exit(1))

  let log: Log | undefined
  let objects: ObjectStore | undefined
  let listeners: Listeners | undefined
  let server: RunningServer | undefined
  /** Ends the time in which everything is closed. */
  let reopen: (() => void) | undefined
  let closing: Promise<void> = Promise.resolve()
  let end: (code: number) => void = () => {}
  const told = new Promise<number>((resolve) => {
    end = resolve
  })
  process.on('SIGTERM', () => end(0))
  process.on('unhandledRejection', (error) => log?.error('unhandled rejection', { error }))
  watchUncaught(
    () => log,
    () => end(1),
  )

  const channel = newChannel((message) => void (send as (message: object) => boolean).call(process, message), {
    async start(about) {
      const opened = await begin(about)
      return { port: opened.addresses.public?.port ?? about.port }
    },
    async close() {
      if (server === undefined) throw new Error('nothing is open')
      const running = server
      await new Promise<void>((closed, failed) => {
        closing = running.whileClosed(() => {
          closed()
          return new Promise((resolve) => {
            reopen = resolve
          })
        })
        closing.catch(failed)
      })
      return null
    },
    async open() {
      reopen?.()
      await closing
      return null
    },
    async instancesChanged() {
      server?.current?.forgetInstances()
      return null
    },
    metrics: async () => (await server?.current?.counts()) ?? null,
    alive: async () => null,
  })
  process.on('message', (message: unknown) => channel.receive(message))
  channel.ask('hears', null, forgetMs).catch(() => end(1))

  async function begin(about: Start): Promise<Listeners> {
    const config = about.config as Config
    const write = (line: string) => output.err(line)
    const own = openLog({ ...config.log, terminal: about.terminal, write }).with({ worker: about.worker })
    log = own
    if (about.version !== version) {
      throw new StartupError(`the program on the disk is ${version} and its owner ${about.version}: start Hearth again`)
    }
    objects = await openObjects(config, own)
    const given = objects
    const siblings: Siblings = {
      leads: false,
      instancesChanged: () =>
        channel.ask('instancesChanged', null, forgetMs).then(
          () => {},
          (error: unknown) => own.warning('the other processes were not told of a change', { error }),
        ),
      counts: async () => [],
    }
    const entrance = newEntrance(newStartingApp())
    const openStore = () => openStoreOfWorker(config, about.database as OpenedStore['target'], own)
    server = await runServer(
      {
        openStore,
        openApp: (store) => openApp(config, own, store, given, undefined, siblings),
        lead: entrance.lead,
      },
      await openStore(),
    )
    entrance.lead(server.app)
    // The last step: connections come as soon as it is open.
    listeners = await openListeners([publicListener({ host: config.host, port: about.port }, entrance.fetch('public'))])
    return listeners
  }

  const code = await told
  setTimeout(() => process.exit(1), giveUpMs).unref()
  server?.endFeeds()
  await listeners?.close(drainMs)
  reopen?.()
  await closing.catch(() => {})
  await server?.close()
  await objects?.close()
  return code
}
