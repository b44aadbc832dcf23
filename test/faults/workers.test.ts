/** One server with two workers: both answer, both know what the others did, and one that dies takes only its own requests along. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { Listener } from '../http/realtime/listener.ts'
import { linesOf } from '../support/feeds.ts'
import { openHttpClient } from '../support/http.ts'
import { startServer, type TestServer } from '../support/server.ts'

const patienceMs = 60_000
const path = '/couchdb/test.workers'

let server: TestServer
let headers: Record<string, string>

beforeAll(async () => {
  server = await startServer({ args: ['--workers', '2'], keepData: true })
  headers = { ...(await headersFor(server)), host: server.domain }
  expect((await alone(path, 'PUT')).status).toBe(201)
}, patienceMs)
afterAll(async () => {
  await server?.killTree()
})

async function headersFor(one: TestServer): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await one.token('*')}`, 'content-type': 'application/json' }
}

/** A request on a connection of its own: which worker gets it is chance. */
async function alone(target: string, method = 'GET', body?: unknown, more: Record<string, string> = {}) {
  const client = openHttpClient()
  try {
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await client.fetch(server.url + target, { method, headers: { ...headers, ...more }, ...text })
    return { status: response.status, text: await response.text() }
  } finally {
    client.close()
  }
}

async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await Bun.sleep(25)) {
    const found = await look()
    if (found !== undefined && found !== false) return found
  }
  throw new Error(`it never came true: ${what}`)
}

/** Values of one metric by the label `process`, or by nothing. */
async function metric(name: string): Promise<ReadonlyMap<string, number>> {
  const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
  const text = await (await server.fetch(`${server.adminUrl}/metrics`, { headers: { authorization } })).text()
  const lines = [...text.matchAll(new RegExp(`^${name}(?:\\{process="(\\w+)"\\})? (\\S+)$`, 'gm'))]
  return new Map(lines.map(([, process = '', value]) => [process, Number(value)]))
}

/** All requests that were ever counted. */
const requests = async () =>
  [...(await metric('hearth_process_requests_total')).values()].reduce((sum, n) => sum + n, 0)

/** A PUT whose body is being read, and waits for its end. */
function beginSlowPut(target: string): Promise<{ readonly finish: () => void; readonly status: Promise<number> }> {
  const { hostname, port } = new URL(server.url)
  const expecting = { ...headers, expect: '100-continue' }
  const outgoing = request({ host: hostname, port, path: target, method: 'PUT', headers: expecting, agent: false })
  const status = new Promise<number>((resolve, reject) => {
    outgoing.once('response', (incoming) => resolve(incoming.resume().statusCode ?? 0))
    outgoing.once('error', reject)
  })
  outgoing.flushHeaders()
  return new Promise((resolve, reject) => {
    outgoing.once('continue', () => {
      outgoing.write('{"n":')
      resolve({ finish: () => outgoing.end('1}'), status })
    })
    status.catch(reject)
  })
}

/** Process ids of the workers. */
function workers(): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const isOurs = Number(parent) === server.pid && state !== 'Z'
      return isOurs && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('serve-as-worker') ? [Number(pid)] : []
    } catch {
      return []
    }
  })
}

/** Waits until both serve: a worker counts requests from then on. */
const bothServe = () =>
  eventually('two workers', async () => {
    const found = workers()
    return found.length === 2 && (await metric('hearth_process_memory_bytes')).has('2') && found
  })

test(
  'each of two workers answers at least a fifth of 200 connections, and the metrics are their sum',
  async () => {
    const before = await metric('hearth_process_requests_total')
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 20 }, () => alone('/version')))
    }
    const shares = await eventually('200 requests', async () => {
      const after = await metric('hearth_process_requests_total')
      const [one = 0, two = 0] = ['1', '2'].map((process) => (after.get(process) ?? 0) - (before.get(process) ?? 0))
      return one + two === 200 && [one, two]
    })
    expect(Math.min(...shares)).toBeGreaterThan(40)
  },
  patienceMs,
)

test(
  'a change of an instance holds for the next request, whichever worker gets it',
  async () => {
    const admin = (method: string, target: string) =>
      server.fetch(server.adminUrl + target, {
        method,
        headers: { authorization: `Basic ${btoa(`admin:${server.passphrase}`)}` },
      })
    for (let round = 0; round < 3; round += 1) {
      const domain = `changes${round}.example`
      const statuses = async () => {
        const answers = await Promise.all(
          Array.from({ length: 10 }, () => alone('/data/test.none/x', 'GET', undefined, { host: domain })),
        )
        return [...new Set(answers.map(({ status }) => status))]
      }
      expect(await statuses()).toEqual([404])
      await server.createInstance(domain)
      // The token is another instance's: it is known, and refuses.
      expect(await statuses()).not.toContain(404)
      expect((await admin('DELETE', `/instances/${domain}`)).status).toBe(204)
      expect(await statuses()).toEqual([404])
    }
  },
  patienceMs,
)

test(
  'what one worker wrote is in the live feeds and the reads of the other at once',
  async () => {
    const clients = Array.from({ length: 8 }, () => openHttpClient())
    const seen = clients.map(() => new Set<string>())
    const feeds = clients.map(async (client, at) => {
      const target = `${server.url}${path}/_changes?feed=continuous&since=now&heartbeat=1000`
      const response = await client.fetch(target, { headers })
      const reading = (async () => {
        for await (const line of linesOf(response))
          if (line !== '') seen[at]?.add((JSON.parse(line) as { id: string }).id)
      })().catch(() => {})
      return reading
    })
    await eventually('eight feeds', async () => (await metric('hearth_changes_listeners')).get('') === 8)
    for (let n = 0; n < 10; n += 1) {
      expect((await alone(`${path}/fed${n}`, 'PUT', { n })).status).toBe(201)
      expect((await alone(`${path}/fed${n}`)).status).toBe(200)
    }
    await eventually('ten changes in every feed', () => seen.every(({ size }) => size === 10))
    for (const client of clients) client.close()
    await Promise.all(feeds)
  },
  patienceMs,
)

test(
  'what one worker wrote is told once to every websocket, whichever worker has it',
  async () => {
    const token = headers['authorization']?.slice('Bearer '.length) ?? ''
    const listeners = await Promise.all(
      Array.from({ length: 8 }, () => Listener.subscribed(server, token, 'test.workers')),
    )
    const ids = Array.from({ length: 10 }, (_, n) => `told${n}`)
    for (const id of ids) expect((await alone(`${path}/${id}`, 'PUT', {})).status).toBe(201)
    const toldOf = ({ events }: Listener) => events.map(({ payload }) => payload.id ?? '').filter((id) => id !== '')
    await eventually('ten events on every socket', () => listeners.every((one) => toldOf(one).length >= ids.length))
    expect(listeners.map((one) => toldOf(one).sort())).toEqual(listeners.map(() => ids))
    for (const { socket } of listeners) socket.terminate()
  },
  patienceMs,
)

test(
  'a worker killed under load: only its requests fail, it is replaced, and nothing acknowledged is lost',
  async () => {
    const acknowledged = new Map<string, string>()
    let failed = 0
    let ended = false
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      const client = openHttpClient()
      for (let n = 0; !ended; n += 1) {
        const id = `w${writer}-${n}`
        try {
          const response = await client.fetch(`${server.url}${path}/${id}`, { method: 'PUT', headers, body: '{}' })
          const { rev } = (await response.json()) as { rev: string }
          if (response.status !== 201) throw new Error(`${response.status}`)
          acknowledged.set(id, rev)
        } catch {
          failed += 1
        }
      }
      client.close()
    })
    await eventually('100 writes', () => acknowledged.size >= 100)
    const [victim = 0, other = 0] = await bothServe()
    const before = await requests()
    process.kill(victim, 'SIGKILL')
    const found = await eventually('another worker', () => {
      const now = workers()
      return now.length === 2 && !now.includes(victim) && now
    })
    expect(found).toContain(other)
    const atReplacement = acknowledged.size
    await eventually('the replacement', () => server.output.stderr.includes('a worker was replaced'))
    await eventually('100 more writes', () => acknowledged.size >= atReplacement + 100)
    ended = true
    await Promise.all(writers)
    // One request of each writer at most was with it, and perhaps its next one in the line of connections.
    expect(failed).toBeLessThanOrEqual(32)
    const { text } = await alone(`${path}/_all_docs`)
    const rows = new Map(
      (JSON.parse(text) as { rows: { id: string; value: { rev: string } }[] }).rows.map(({ id, value }) => [
        id,
        value.rev,
      ]),
    )
    expect([...acknowledged].filter(([id, rev]) => rows.get(id) !== rev)).toEqual([])
    // What the dead one had counted when it was last asked still counts.
    expect(await requests()).toBeGreaterThan(before)
  },
  2 * patienceMs,
)

test(
  'workers that are told to stop finish their requests and are replaced, and what both had counted still counts',
  async () => {
    const before = await bothServe()
    const counted = await requests()
    const slow = await Promise.all(Array.from({ length: 6 }, (_, at) => beginSlowPut(`${path}/slow${at}`)))
    for (const pid of before) process.kill(pid, 'SIGTERM')
    for (const { finish } of slow) finish()
    expect(await Promise.all(slow.map(({ status }) => status))).toEqual(slow.map(() => 201))
    await eventually('two others', () => {
      const now = workers()
      return now.length === 2 && !now.some((pid) => before.includes(pid))
    })
    await bothServe()
    expect((await alone('/version')).status).toBe(200)
    expect(await requests()).toBeGreaterThan(counted)
  },
  patienceMs,
)

test(
  'the owner killed: its workers end too, and the next start serves what was acknowledged',
  async () => {
    const before = await bothServe()
    expect((await alone(`${path}/last`, 'PUT', { n: 1 })).status).toBe(201)
    await server.kill()
    const isAlive = (pid: number) => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    await eventually('the end of the workers', () => !before.some(isAlive))
    server = await startServer({ args: ['--workers', '2'], dataDir: server.dataDir, keepData: false })
    headers = { ...(await headersFor(server)), host: server.domain }
    expect((await alone(`${path}/last`)).status).toBe(200)
  },
  2 * patienceMs,
)

test(
  'SIGTERM of the owner ends everything with 0',
  async () => {
    const before = await bothServe()
    expect(await server.stop()).toBe(0)
    expect(workers()).toEqual([])
    for (const pid of before) expect(() => process.kill(pid, 0)).toThrow()
  },
  patienceMs,
)
