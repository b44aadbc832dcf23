/**
 * What clients cost that wait: 1,000 websockets, each with a subscription, and 200 longpolls, on a server of their own.
 * Memory and processor time of the server alone, and the connections that PostgreSQL sees.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import { Listener } from '../http/realtime/listener.ts'
import { startServer, type TestServer } from '../support/server.ts'

const sockets = 1_000
const longpolls = 200
const doctypes = 10
const idleSeconds = 30

/** A table in Markdown. */
export async function benchSockets(): Promise<string> {
  const server = await startServer()
  const sql = postgres({ host: `${server.dataDir}/pg/18/socket`, database: 'postgres', user: 'hearth', max: 1 })
  const leaving = new AbortController()
  try {
    const token = await server.token('*')
    const authorization = `Bearer ${token}`
    const headers = { authorization, 'content-type': 'application/json' }
    const typeOf = (n: number) => `io.cozy.bench${n % doctypes}`
    for (let n = 0; n < doctypes; n += 1) await server.fetch(`/couchdb/${typeOf(n)}`, { method: 'PUT', headers })
    await warm(server, token)
    const connections = async () =>
      Number((await sql`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hearth'`)[0]?.['count'])
    const before = { memory: memoryOf(server.pid), connections: await connections() }

    const listeners: Listener[] = []
    for (let at = 0; at < sockets; at += 50) {
      const some = Array.from({ length: 50 }, (_, n) => Listener.subscribed(server, token, typeOf(at + n)))
      listeners.push(...(await Promise.all(some)))
    }
    await Bun.sleep(2_000)
    const open = { memory: memoryOf(server.pid) }

    const polls = Array.from({ length: longpolls }, (_, n) =>
      server
        .fetch(`/data/${typeOf(n)}/_changes?feed=longpoll&since=now&heartbeat=60000`, {
          headers,
          signal: leaving.signal,
        })
        .then((response) => response.text())
        .catch(() => ''),
    )
    await Bun.sleep(2_000)
    const all = { memory: memoryOf(server.pid) }
    const cpuAt = cpuOf(server.pid)
    await Bun.sleep(idleSeconds * 1_000)
    const cpu = cpuOf(server.pid) - cpuAt
    const during = { memory: memoryOf(server.pid), connections: await connections() }

    const began = performance.now()
    await server.fetch(`/data/${typeOf(0)}/`, { method: 'POST', headers, body: '{"hello":"everybody"}' })
    const told = listeners.filter((_, n) => n % doctypes === 0)
    await Promise.all(told.map((listener) => listener.next()))
    const toldMs = performance.now() - began

    leaving.abort()
    await Promise.all(polls)
    await Promise.all(listeners.map((listener) => listener.close()))
    const per = (bytes: number, count: number) =>
      bytes > 0 ? `${(bytes / count / 1024).toFixed(1)} KiB` : 'less than what was collected meanwhile'
    return [
      `| ${sockets} websockets and ${longpolls} longpolls | |`,
      '|---|---|',
      `| memory of the server before, with the websockets, with the longpolls too, ${idleSeconds} s later | ${[before, open, all, during].map(({ memory }) => mebibytes(memory)).join(', ')} |`,
      `| for each websocket | ${per(open.memory - before.memory, sockets)} |`,
      `| for each longpoll | ${per(all.memory - open.memory, longpolls)} |`,
      `| processor time in ${idleSeconds} s of waiting | ${cpu.toFixed(2)} s (${((cpu / idleSeconds) * 100).toFixed(1)} % of one core) |`,
      `| connections to PostgreSQL before, during | ${before.connections}, ${during.connections} |`,
      `| one write until all ${told.length} listeners of its doctype have it | ${toldMs.toFixed(0)} ms |`,
    ].join('\n')
  } finally {
    await sql.end()
    await server.killTree()
  }
}

/** What a server takes once, whoever comes: sockets that have gone again, and every connection of its pool. */
async function warm(server: TestServer, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const reads = Array.from({ length: 200 }, () => server.fetch('/couchdb/io.cozy.bench0/_all_docs', { headers }))
  for (const response of await Promise.all(reads)) await response.text()
  for (let round = 0; round < 4; round += 1) {
    const some = await Promise.all(
      Array.from({ length: 50 }, () => Listener.subscribed(server, token, 'io.cozy.bench0')),
    )
    await Promise.all(some.map((listener) => listener.close()))
  }
  await Bun.sleep(2_000)
}

/** Resident bytes. */
function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** Seconds of processor time, of all threads. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond()
}

let ticks: number | undefined
function ticksPerSecond(): number {
  ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return ticks
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`
}
