/**
 * Keeps the embedded database server running: when it dies it is started again, but at most once a minute, since a server
 * that dies at once again needs a person.
 */
import type { Log } from './log.ts'
import { StartupError } from './model/startup-error.ts'

/** A server process, opened by the caller. */
export interface ServerProcess {
  /** Where clients connect. A restarted server must be found at the same place. */
  readonly connection: unknown
  /** Resolves with a reason when the process has ended without being told to. */
  readonly died: Promise<string>
  stop(): Promise<void>
}

export interface Supervised<Server extends ServerProcess> {
  /** The server that runs now. */
  current(): Server
  /** Resolves to the reason why there will be no further restart. */
  readonly failed: Promise<Error>
  /** Ends the supervision and the server. */
  stop(): Promise<void>
}

const minRestartMs = 60_000

/** Opens the server (rejects when that fails) and watches it from then on. */
export async function supervise<Server extends ServerProcess>(
  open: () => Promise<Server>,
  log: Log,
  now: () => number = Date.now,
): Promise<Supervised<Server>> {
  let server = await open()
  let stopping = false
  let restartedAt = Number.NEGATIVE_INFINITY
  let restarting: Promise<void> | undefined
  let fail: (reason: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })

  async function restart(reason: string): Promise<void> {
    log.error('the database server has died', { reason })
    if (now() - restartedAt < minRestartMs) {
      fail(new StartupError('the database server died twice within a minute'))
      return
    }
    restartedAt = now()
    const place = JSON.stringify(server.connection)
    try {
      // What is left of it (lock, socket) must go before another one can start.
      await server.stop().catch((error: unknown) => log.debug('nothing left to stop', { error }))
      server = await open()
    } catch (cause) {
      fail(new StartupError('the database server could not be started again', { cause }))
      return
    }
    if (JSON.stringify(server.connection) !== place) {
      fail(new StartupError('the database server came back at another place'))
      return
    }
    log.warning('the database server was started again')
    watch()
  }

  function watch(): void {
    const watched = server
    void watched.died.then((reason) => {
      if (!stopping && watched === server) restarting = restart(reason)
    })
  }

  watch()
  return {
    current: () => server,
    failed,
    async stop() {
      stopping = true
      await restarting
      await server.stop()
    },
  }
}
