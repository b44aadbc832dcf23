/** The servers of one run: the bare floor, Hearth, and where they are given another Hearth and a CouchDB. */
import { randomBytes } from 'node:crypto'
import type { ServerOptions } from '../support/server.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Floor, startFloor } from './floor-process.ts'
import { type HttpRequest, type Load, type LoadResult, load } from './load.ts'
import type { Options } from './options.ts'

/** A server that keeps documents, whatever speaks to it. */
export interface DocumentSide {
  /** Heads its column. */
  readonly name: string
  readonly port: number
  readonly host: string
  readonly authorization: string
  /** In front of the name of a database, which is `io.cozy.bench...`. */
  databasePath(name: string): string
  stop(): Promise<void>
}

export interface HearthSide extends DocumentSide {
  readonly server: TestServer
  /** Folder of the socket of its own PostgreSQL. */
  readonly socket: string
}

export interface Sides {
  readonly floor: Floor
  readonly hearth: HearthSide
  /** The same parts of an older Hearth. */
  readonly before: HearthSide | undefined
  readonly couchdb: DocumentSide | undefined
  /** All that keep documents; Hearth first. */
  readonly all: readonly DocumentSide[]
  stop(): Promise<void>
}

/** Starts the servers, the floor on the PostgreSQL of Hearth. */
export async function openSides({ workers, before, couchdb }: Options): Promise<Sides> {
  const name = `Hearth, ${workers} worker${workers === 1 ? '' : 's'}`
  const hearth = await openHearth(name, { env: { HEARTH_WORKERS: `${workers}` } })
  const older = before === undefined ? undefined : await openHearth('Hearth before, 1 worker', { command: [before] })
  const couch = couchdb === undefined ? undefined : openCouchdb(couchdb)
  const floor = await startFloor(hearth.socket, hearth.server.dataDir)
  const all = [hearth, older, couch].filter((side) => side !== undefined)
  return {
    floor,
    hearth,
    before: older,
    couchdb: couch,
    all,
    async stop() {
      floor.stop()
      for (const side of all) await side.stop()
    },
  }
}

async function openHearth(name: string, options: ServerOptions): Promise<HearthSide> {
  const server = await startServer(options)
  const token = await server.token('*', { expire: '12h' })
  return {
    name,
    port: Number(new URL(server.url).port),
    host: server.domain,
    authorization: `Bearer ${token}`,
    databasePath: (database) => `/data/${database}`,
    server,
    socket: `${server.dataDir}/pg/18/socket`,
    async stop() {
      await server.stop()
    },
  }
}

/** Databases get names of this run, and are removed at its end. */
function openCouchdb(url: URL): DocumentSide {
  const run = `hearth_bench_${randomBytes(4).toString('hex')}_`
  const made = new Set<string>()
  const root = url.pathname.replace(/\/$/, '')
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  const side: DocumentSide = {
    name: 'CouchDB',
    port: Number(url.port || 5984),
    host: url.host,
    authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
    databasePath(name) {
      const database = run + name.replaceAll('.', '_')
      made.add(database)
      return `${root}/${database}`
    },
    async stop() {
      for (const database of made) await send(side, 'DELETE', `${root}/${database}`).catch(() => {})
    },
  }
  return side
}

/** One request; gives the text of the answer. Throws unless it is a 2xx. */
export async function send(side: DocumentSide, method: string, path: string, body?: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${side.port}${path}`, {
    method,
    headers: { host: side.host, authorization: side.authorization, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${side.name}: ${method} ${path}: ${response.status} ${text.slice(0, 300)}`)
  return text
}

/** Makes the database where it does not exist, and fills it in batches of a thousand. */
export async function fill(side: DocumentSide, name: string, docs: readonly object[]): Promise<void> {
  const path = side.databasePath(name)
  await send(side, 'PUT', `${path}/`)
  for (let at = 0; at < docs.length; at += 1_000) {
    await send(side, 'POST', `${path}/_bulk_docs`, JSON.stringify({ docs: docs.slice(at, at + 1_000) }))
  }
}

/** The load on one side. */
export function loadOn(
  side: DocumentSide | Floor,
  given: Pick<Load, 'connections' | 'seconds'> & { readonly requests: readonly HttpRequest[] },
): Promise<LoadResult> {
  const { host = 'localhost', authorization } = side as Partial<DocumentSide>
  return load({ ...given, port: side.port, host, authorization })
}
