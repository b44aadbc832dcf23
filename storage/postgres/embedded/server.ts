/** Hearth's own PostgreSQL: unpacked, initialised, started, watched and stopped. */
import { existsSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { StartupError } from '../../../src/model/startup-error.ts'
import { databaseName, databaseUser, initialiseCluster, refuseOtherMajors } from './cluster.ts'
import { diskFull, onDisk } from './failures.ts'
import { makeDataDir, makeFolder, removeUnfinished } from './folders.ts'
import { type Layout, layoutOf } from './layout.ts'
import { takeLock } from './lock.ts'
import { type RunningServer, runningServer } from './pid-file.ts'
import { adoptPostmaster, type Postmaster, startPostmaster, within } from './postmaster.ts'
import { carriedProgram, installProgram, removeOtherPrograms } from './program.ts'
import { ServerLog, watchLog } from './server-log.ts'
import { chooseServerUser, mustReach, type ServerUser } from './server-user.ts'
import { usualConnections, writeSettings } from './settings.ts'
import { makeSocketFolder, port } from './socket.ts'

/** Tells Hearth's log what happens. `event` is a constant phrase. */
export type EmbeddedLog = (event: string, detail?: Record<string, unknown>) => void

export interface EmbeddedOptions {
  /** Hearth's data directory; made if missing. */
  readonly dataDir: string
  readonly log: EmbeddedLog
  /** Connections that the server must allow. A running one that allows fewer is started again. */
  readonly maxConnections?: number
}

/** The running server. */
export interface EmbeddedPostgres {
  /** Parameters for postgres.js: the unix socket's folder as host. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly database: string
    readonly user: string
  }
  /** The main process, the postmaster. */
  readonly pid: number
  /** Stops the server and gives the data directory free. Takes 10 s at most; may be called again. */
  stop(): Promise<void>
  /** Resolves with a reason when the server ends without having been stopped; never rejects. */
  readonly died: Promise<string>
}

/** How long a server may take until it answers, in milliseconds. Only crash recovery of much data comes near. */
const startLimit = 300_000

/** How long a server that an earlier Hearth was stopping may take to end, in milliseconds. */
const stoppingLimit = 15_000

/**
 * Opens the server of a data directory: adopts the one that a killed Hearth left running, else starts it, unpacking and
 * initialising what is missing.
 * @throws StartupError when the directory is in use, cannot be written, is full, or holds another major version's data.
 */
export async function openEmbeddedPostgres({
  dataDir,
  log,
  maxConnections = usualConnections,
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const layout = layoutOf(await makeDataDir(dataDir))
  const lock = await takeLock(layout.lock)
  try {
    await refuseOtherMajors(layout)
    const opened =
      (await adopt(layout, log, maxConnections)) ??
      (await onDisk(layout.dataDir, () => start(layout, log, maxConnections)))
    return supervise(opened, layout, log, () => lock.release())
  } catch (error) {
    await lock.release()
    throw error
  }
}

interface Opened {
  readonly server: Postmaster
  readonly serverLog: ServerLog
  readonly socketFolder: string
}

async function adopt(layout: Layout, log: EmbeddedLog, maxConnections: number): Promise<Opened | undefined> {
  const found = await runningServer(layout.cluster)
  const server = found && (await adoptPostmaster(found.pid))
  if (!found || !server) return undefined
  if (found.status === 'stopping') {
    log('waiting for a stopping postgres', { pid: found.pid })
    await within(stoppingLimit, server.gone)
    return undefined
  }
  const ready = await becomesReady(server, layout, log)
  if (ready === undefined) return undefined
  const allowed = await allowedConnections(ready.socketFolder)
  if (allowed !== undefined && allowed >= maxConnections) {
    log('postgres adopted', { pid: server.pid })
    const serverLog = new ServerLog(layout.log)
    await serverLog.skip()
    return { server, serverLog, socketFolder: ready.socketFolder }
  }
  if (allowed === undefined) log('a running postgres does not answer and is stopped', { pid: server.pid })
  else log('a running postgres allows too few connections and is stopped', { pid: server.pid, allowed })
  await server.stop()
  return undefined
}

async function start(layout: Layout, log: EmbeddedLog, maxConnections: number): Promise<Opened> {
  const user = await chooseServerUser(layout)
  for (const folder of [layout.versions, layout.home]) await makeFolder(folder, user)
  await mustReach(user, layout.home)
  await removeUnfinished(layout.home)
  const program = await prepare(layout, user, log)
  const socketFolder = await makeSocketFolder(layout, user)
  await writeSettings(layout.cluster, socketFolder, user, maxConnections)
  const serverLog = new ServerLog(layout.log)
  await serverLog.bound()
  const began = performance.now()
  const server = await startWithRetries(layout, program, user, serverLog, log)
  log('postgres started', { pid: server.pid, milliseconds: since(began) })
  await removeOtherPrograms(layout.home, program)
  return { server, serverLog, socketFolder }
}

/** What a start says when a postmaster was killed, but it or the last of its processes are not quite gone yet. */
const remains = /lock file "postmaster.pid" already exists|pre-existing shared memory block/

/** Starts the server, for up to 10 s again while something remains of a killed one. */
async function startWithRetries(
  layout: Layout,
  program: string,
  user: ServerUser,
  serverLog: ServerLog,
  log: EmbeddedLog,
): Promise<Postmaster> {
  for (let attempt = 1; ; attempt++) {
    await serverLog.skip()
    const server = await startPostmaster(layout, program, user)
    if ((await becomesReady(server, layout, log)) !== undefined) return server
    const lines = await serverLog.newLines()
    if (attempt === 40 || !lines.some((line) => remains.test(line))) throw await startFailure(layout, lines)
    await sleep(250)
  }
}

async function prepare(layout: Layout, user: ServerUser, log: EmbeddedLog): Promise<string> {
  const carried = await carriedProgram()
  const unpackBegan = performance.now()
  const { folder, fresh } = await installProgram(layout.home, carried, user)
  if (fresh) log('postgres unpacked', { version: carried.version, milliseconds: since(unpackBegan) })
  if (!existsSync(layout.cluster)) {
    const initBegan = performance.now()
    await initialiseCluster(layout, folder, user)
    log('postgres initialised', { milliseconds: since(initBegan) })
  }
  return folder
}

/** Waits until the server takes connections; undefined when it ended before. */
async function becomesReady(server: Postmaster, layout: Layout, log: EmbeddedLog): Promise<RunningServer | undefined> {
  const began = performance.now()
  let ended = false
  void server.gone.then(() => {
    ended = true
  })
  for (let nextNote = 5_000; since(began) < startLimit; await sleep(20)) {
    const running = await runningServer(layout.cluster)
    if (running?.pid === server.pid && running.status === 'ready') return running
    if (ended) return undefined
    if (since(began) < nextNote) continue
    log('waiting for postgres to recover', { pid: server.pid, milliseconds: since(began) })
    nextNote += 5_000
  }
  throw new StartupError(
    `PostgreSQL (process ${server.pid}) still does not answer after ${startLimit / 1000} s. It is left running, since it ` +
      `may be recovering: see ${layout.log}, and start Hearth again later.`,
  )
}

async function startFailure(layout: Layout, lines: readonly string[]): Promise<StartupError> {
  if (lines.some((line) => line.includes('No space left on device')))
    return new StartupError(await diskFull(layout.dataDir))
  return new StartupError(
    `PostgreSQL did not start (see ${layout.log}): ${lines.slice(-3).join(' | ') || 'it said nothing'}`,
  )
}

/** Undefined when it does not answer. */
async function allowedConnections(socketFolder: string): Promise<number | undefined> {
  const sql = postgres({
    host: socketFolder,
    port,
    database: databaseName,
    user: databaseUser,
    max: 1,
    connect_timeout: 5,
  })
  try {
    const [row] = await sql<{ allowed: number }[]>`SELECT current_setting('max_connections')::int AS allowed`
    return row?.allowed
  } catch {
    return undefined
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function supervise(
  { server, serverLog, socketFolder }: Opened,
  layout: Layout,
  log: EmbeddedLog,
  release: () => Promise<void>,
): EmbeddedPostgres {
  let stopping: Promise<void> | undefined
  const watch = watchLog(serverLog, (line) => log('postgres says', { line }))
  const stopAll = async () => {
    watch.stop()
    if (!(await server.stop())) log('postgres does not stop', { pid: server.pid })
    if (socketFolder !== layout.socket) await rmdir(socketFolder).catch(() => {})
    await release()
  }
  return {
    connection: { host: socketFolder, port, database: databaseName, user: databaseUser },
    pid: server.pid,
    stop() {
      stopping ??= stopAll()
      return stopping
    },
    died: new Promise((resolve) => {
      void server.gone.then(async (how) => {
        if (stopping) return
        watch.stop()
        const said = await watch.last()
        resolve(`PostgreSQL (process ${server.pid}) ended by itself: ${how}${said === '' ? '' : `; it said: ${said}`}`)
      })
    }),
  }
}

function since(began: number): number {
  return Math.round(performance.now() - began)
}
