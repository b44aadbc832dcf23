/** The workers of a server together with the listener that they share. */
import type { Config } from '../config/settings.ts'
import { type Fetch, type ListenerAddress, type Listeners, openListeners } from '../listeners.ts'
import type { Log } from '../log.ts'
import { StartupError } from '../model/startup-error.ts'
import type { ChannelError } from '../processes/channel.ts'
import { newCrew } from '../processes/crew.ts'
import type { Siblings } from '../processes/siblings.ts'
import { version } from '../version.ts'
import { publicListener } from './listener-options.ts'

export interface CrewOptions {
  readonly config: Config
  readonly log: Log
  readonly count: number
  /** Answers until the workers do. */
  readonly starting: Fetch
  /** Where PostgreSQL is. */
  readonly target: () => unknown
  readonly onInstancesChanged: () => void
}

export interface WorkingCrew {
  readonly siblings: Siblings
  /** Hands the listener to the workers; resolves to its address when they serve. @throws StartupError */
  begin(): Promise<ListenerAddress>
  whileClosed(work: () => Promise<void>): Promise<void>
  stop(graceMs: number): Promise<void>
}

/** A free port may be taken between its finding and its use. */
const attempts = 5

/** Takes the public listener's port. @throws StartupError when it cannot be had */
export async function openCrew(options: CrewOptions): Promise<WorkingCrew> {
  const { config, log, count, starting, target, onInstancesChanged } = options
  const { host } = config
  let port = typeof config.port === 'number' ? config.port : 0
  let address: ListenerAddress | undefined
  // Opened without sharing at first: a shared listener does not notice when another program has the port.
  let reserved: Listeners | undefined = await reserve()
  const crew = newCrew({
    count,
    log,
    start: () => ({ version, config, database: target(), port, terminal: process.stderr.isTTY === true }),
    onInstancesChanged,
  })

  async function reserve(): Promise<Listeners> {
    const wanted = typeof config.port === 'number' ? config.port : 0
    const listeners = await openListeners([publicListener({ host, port: wanted }, starting)])
    address = listeners.addresses.public
    port = address?.port ?? wanted
    return listeners
  }

  async function free(): Promise<void> {
    await reserved?.close(0)
    reserved = undefined
  }

  return {
    siblings: { leads: true, instancesChanged: () => crew.instancesChanged(), counts: () => crew.counts() },
    async begin() {
      for (let attempt = 1; ; attempt++) {
        await free()
        try {
          await crew.begin()
          return address as ListenerAddress
        } catch (error) {
          const { code, message } = error as ChannelError
          if (code !== 'EADDRINUSE' || config.port !== 0 || attempt === attempts) {
            throw new StartupError(`a worker cannot start: ${message}`, { cause: error })
          }
        }
        reserved = await reserve()
      }
    },
    whileClosed: (work) => crew.whileClosed(work),
    async stop(graceMs) {
      await Promise.all([free(), crew.stop(graceMs)])
    },
  }
}
