/**
 * Replication beside `pouchdb-server` on LevelDB: reading a whole feed, a client that pulls, writing revisions as they
 * came. Both sides by turns, so that a busy moment of the machine hits both; the medians count.
 */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { startPouch } from '../clients/pouchdb/child-process.ts'
import type { TestServer } from '../support/server.ts'
import { type Peer, startPeer } from './peer/peer.ts'
import { type Beside, besideTable, count, median } from './report.ts'

/** Turns of each side in one comparison. */
const rounds = 5
const feedSize = 100_000
const pullSize = 10_000
/** Revisions in one `_bulk_docs`: what PouchDB sends by itself. */
const batchSize = 100
/** Revisions of one turn. */
const written = 10_000

/** A server under test: where its databases are and how to be let in. */
interface Side {
  readonly name: 'Hearth' | 'pouchdb-server'
  readonly port: number
  /** In front of the database's name. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** A URL for clients, without the database's name. */
  readonly url: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** One request, read to its end; throws unless it is a 2xx. */
function send(side: Side, method: string, path: string, body?: string): Promise<readonly Buffer[]> {
  const sent =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const options = { host: '127.0.0.1', port: side.port, agent, method, path: side.path + path }
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...options, headers: { ...side.headers, ...sent } }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const status = incoming.statusCode ?? 0
        if (status >= 200 && status < 300) resolve(chunks)
        else
          reject(
            new Error(`${side.name}: ${method} ${path}: ${status} ${Buffer.concat(chunks).toString().slice(0, 300)}`),
          )
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Revisions as a replicator sends them: an id, the third generation of its document, a body of 250 bytes. */
function revisions(prefix: string, from: number, size: number): string {
  const docs = Array.from({ length: size }, (_, at) => {
    const hash = (gen: number) => `${gen}${String(from + at).padStart(31, '0')}`
    return {
      ...{ _id: `${prefix}${String(from + at).padStart(6, '0')}`, _rev: `3-${hash(3)}` },
      ...{ _revisions: { start: 3, ids: [hash(3), hash(2), hash(1)] } },
      ...{ n: from + at, name: `document ${from + at}`, tags: ['a', 'b'], text: 'x'.repeat(180) },
    }
  })
  return JSON.stringify({ new_edits: false, docs })
}

/** Fills a database; the rate in revisions a second. Bodies are made before the clock runs. */
async function fill(side: Side, db: string, size: number, writers: number, batch = batchSize): Promise<number> {
  const bodies = Array.from({ length: size / batch }, (_, at) => revisions('d', at * batch, batch))
  let next = 0
  const write = async () => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const answer = Buffer.concat(await send(side, 'POST', `/${db}/_bulk_docs`, body))
        .toString()
        .trim()
      if (answer !== '[]') throw new Error(`${side.name} refused: ${answer.slice(0, 300)}`)
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: writers }, write))
  return (size * 1_000) / (performance.now() - started)
}

async function feed(side: Side, db: string): Promise<number> {
  const started = performance.now()
  const chunks = await send(side, 'GET', `/${db}/_changes?since=0`)
  const took = performance.now() - started
  const { results } = JSON.parse(Buffer.concat(chunks).toString()) as { results: unknown[] }
  if (results.length !== feedSize) throw new Error(`${side.name} gave ${results.length} rows`)
  return (feedSize * 1_000) / took
}

/** Seconds of processor time that a process has had. */
function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // In ticks of 10 ms, whatever the kernel's own are.
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** PouchDB in a process of its own pulls into its memory. Adds to `own` what processor time that took it. */
async function pull(side: Side, db: string, options: { readonly batch_size?: number }, own: number[]): Promise<number> {
  const pouch = startPouch()
  try {
    // The first of everything is slow in a new process, and is no matter of the server.
    await pouch.ask({ order: 'fill', prefix: 'warm', count: 1_000 }, 'done')
    await pouch.ask({ order: 'renew' }, 'done')
    const before = processorSeconds(pouch.pid)
    const started = performance.now()
    const { written: copied } = await pouch.ask({ order: 'pull', url: `${side.url}/${db}`, options }, 'complete')
    const took = performance.now() - started
    own.push(processorSeconds(pouch.pid) - before)
    if (copied !== pullSize) throw new Error(`PouchDB copied ${copied} from ${side.name}`)
    return (pullSize * 1_000) / took
  } finally {
    pouch.stop()
  }
}

async function turns(
  sides: readonly Side[],
  what: string,
  unit: string,
  measure: (side: Side, round: number) => Promise<number>,
): Promise<Beside> {
  const rates = new Map<string, number[]>(sides.map(({ name }) => [name, []]))
  // A turn that does not count: runtimes compile what is called often.
  for (const side of sides) await measure(side, rounds)
  for (let round = 0; round < rounds; round += 1) {
    // Whoever goes second finds a warmer machine: they change places.
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      rates.get(side.name)?.push(await measure(side, round))
    }
  }
  return { what, unit, hearth: rates.get('Hearth') ?? [], peer: rates.get('pouchdb-server') ?? [], target: 3 }
}

/** A domain that a plain URL finds, so that the client needs no header of its own. */
async function sidesOf(server: TestServer, peer: Peer): Promise<readonly Side[]> {
  const { host, port } = new URL(server.url)
  await server.createInstance(host)
  const token = await server.token('*', { domain: host, expire: '12h' })
  return [
    {
      ...{ name: 'Hearth', port: Number(port), path: '/couchdb', headers: { host, authorization: `Bearer ${token}` } },
      url: `http://pouch:${token}@${host}/couchdb`,
    },
    { name: 'pouchdb-server', port: peer.port, path: '', headers: {}, url: `http://127.0.0.1:${peer.port}` },
  ]
}

/** The table, or why there is none: without the peer there is nothing to compare with. */
export async function benchReplication(server: TestServer): Promise<string> {
  let peer: Peer
  try {
    peer = await startPeer()
  } catch (error) {
    return `*** SKIPPED, replication beside pouchdb-server: ${error instanceof Error ? error.message : error} ***`
  }
  try {
    const sides = await sidesOf(server, peer)
    const rows: Beside[] = []
    const notes: string[] = []
    for (const writers of [1, 8]) {
      const what = `_bulk_docs of ${batchSize}, new_edits: false, ${writers === 1 ? 'one writer' : `${writers} writers`}`
      rows.push(
        await turns(sides, what, 'revisions', async (side, round) => {
          const db = `bench-w${writers}-${round}`
          await send(side, 'PUT', `/${db}`)
          return fill(side, db, written, writers)
        }),
      )
    }
    for (const side of sides) {
      await send(side, 'PUT', '/bench-pull')
      await fill(side, 'bench-pull', pullSize, 1, 1_000)
    }
    for (const options of [{}, { batch_size: 1_000 }]) {
      const own: number[] = []
      const batches = `batches of ${options.batch_size ?? 100}`
      const what = `pull of ${count(pullSize)} by PouchDB, ${batches}`
      const row = await turns(sides, what, 'documents', (side) => pull(side, 'bench-pull', options, own))
      rows.push(row)
      const seconds = (rates: readonly number[]) => (pullSize / median(rates)).toFixed(2)
      notes.push(
        `A pull in ${batches} took ${seconds(row.peer)} s from pouchdb-server and ${seconds(row.hearth)} s from Hearth, ` +
          `of which ${median(own).toFixed(2)} s were PouchDB's own processor time.`,
      )
    }
    for (const side of sides) {
      await send(side, 'PUT', '/bench-feed')
      await fill(side, 'bench-feed', feedSize, 1, 1_000)
    }
    rows.push(await turns(sides, `_changes from 0 over ${count(feedSize)}`, 'rows', (side) => feed(side, 'bench-feed')))
    return [
      `Replication, median of ${rounds} turns (least–most):`,
      '',
      besideTable(rows, 'pouchdb-server'),
      '',
      ...notes,
    ].join('\n')
  } finally {
    peer.stop()
    agent.destroy()
  }
}
