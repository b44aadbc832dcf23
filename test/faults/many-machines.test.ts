/**
 * Four servers without anything of their own, behind haproxy, on one MinIO and one PostgreSQL with a synchronous replica:
 * under load one server is killed, then the primary, and the replica takes its place.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linesOf } from '../support/feeds.ts'
import { guard } from '../support/guardian.ts'
import { type HttpClient, openHttpClient } from '../support/http.ts'
import { minioProgram, startMinio, type TestMinio } from '../support/minio.ts'
import { freePort, postgresBin } from '../support/postgres.ts'
import { type ReplicatedPostgres, startReplicatedPostgres } from '../support/replicated-postgres.ts'
import { startServer, type TestServer } from '../support/server.ts'

const haproxy = '/usr/sbin/haproxy'
const patienceMs = 120_000
const path = '/couchdb/test.machines'
const asked = process.env['HEARTH_TEST_MACHINES'] === '1'
if (!asked) console.warn('\n*** SKIPPED, four servers and a replica: set HEARTH_TEST_MACHINES=1 (takes a minute) ***\n')

describe.skipIf(!asked || postgresBin() === undefined || minioProgram() === undefined || !existsSync(haproxy))(
  'four servers behind haproxy',
  () => {
    const servers: TestServer[] = []
    const ends: (() => unknown)[] = []
    let databases: ReplicatedPostgres
    let minio: TestMinio
    let url: string
    let headers: Record<string, string>

    beforeAll(async () => {
      databases = await startReplicatedPostgres()
      minio = await startMinio()
      const env = { HEARTH_DATABASE_URL: databases.url, HEARTH_OBJECTS_URL: minio.newUrl() }
      servers.push(await startServer({ env }))
      servers.push(...(await Promise.all([1, 2, 3].map(() => startServer({ env })))))
      const [first] = servers
      if (first === undefined) throw new Error('no server')
      headers = { host: first.domain, authorization: `Bearer ${await first.token('*')}` }
      url = `http://127.0.0.1:${await startProxy(servers.map((server) => new URL(server.url).port))}`
    }, patienceMs)
    afterAll(async () => {
      await Promise.all(servers.map((server) => server.killTree()))
      for (const end of ends) await end()
      await minio?.stop()
      await databases?.stop()
    }, patienceMs)

    async function startProxy(ports: readonly string[]): Promise<number> {
      const folder = mkdtempSync(join(tmpdir(), 'hearth-proxy-'))
      const port = await freePort()
      const backends = ports.map((one, at) => `  server s${at} 127.0.0.1:${one} check inter 500 fall 2 rise 1`)
      const settings = `
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  retries 2
  option redispatch
frontend public
  bind 127.0.0.1:${port}
  default_backend hearth
backend hearth
  balance roundrobin
  option httpchk
  http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host localhost
${backends.join('\n')}
`
      writeFileSync(join(folder, 'haproxy.cfg'), settings)
      const child = spawn(haproxy, ['-f', join(folder, 'haproxy.cfg'), '-db'], { stdio: 'ignore' })
      const guardian = guard(child.pid ?? 0, folder)
      ends.push(() => {
        child.kill('SIGKILL')
        guardian.release()
        rmSync(folder, { recursive: true, force: true })
      })
      await eventually('the proxy', async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).ok)
      return port
    }

    async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
      for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await Bun.sleep(50)) {
        try {
          if (await condition()) return
        } catch {
          // Not yet.
        }
      }
      throw new Error(`it never came true: ${what}`)
    }

    test(
      'a server killed, then the primary: nothing acknowledged is lost, and feeds go on',
      async () => {
        const acknowledged = new Map<string, string>()
        const files = new Map<string, string>()
        const fed = new Set<string>()
        const statuses = new Map<number, number>()
        let ended = false
        const ask = async (client: HttpClient, method: string, target: string, body?: string) => {
          const response = await client.fetch(url + target, {
            ...{ method, headers: { ...headers, 'content-type': 'application/json' } },
            ...(body === undefined ? {} : { body }),
          })
          statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
          return response
        }
        const client = openHttpClient()
        await eventually('a database', async () => (await ask(client, 'PUT', path)).status < 500)

        const writers = Array.from({ length: 8 }, async (_, writer) => {
          for (let n = 0; !ended; n += 1) {
            const id = `w${writer}-${n}`
            try {
              const response = await ask(client, 'PUT', `${path}/${id}`, '{}')
              const { rev } = (await response.json()) as { rev?: string }
              if (response.status === 201 && rev !== undefined) acknowledged.set(id, rev)
              else await Bun.sleep(50)
            } catch {
              await Bun.sleep(50)
            }
          }
        })
        const uploads = Array.from({ length: 2 }, async (_, writer) => {
          for (let n = 0; !ended; n += 1) {
            const content = `${writer} ${n} `.repeat(1_000)
            try {
              const response = await ask(client, 'POST', `/files/?Type=file&Name=u${writer}-${n}`, content)
              const text = await response.text()
              if (response.status !== 201) throw new Error(text)
              files.set((JSON.parse(text) as { data: { id: string } }).data.id, md5(content))
            } catch {
              await Bun.sleep(50)
            }
          }
        })
        const following = new AbortController()
        const feeds = Array.from({ length: 4 }, async (_, feed) => {
          let since = '0'
          while (!following.signal.aborted) {
            const own = openHttpClient()
            try {
              const target = `${url}${path}/_changes?feed=continuous&heartbeat=1000&since=${encodeURIComponent(since)}`
              const response = await own.fetch(target, { headers, signal: following.signal })
              if (response.status !== 200) throw new Error(`${response.status}`)
              for await (const line of linesOf(response)) {
                if (line === '') continue
                const row = JSON.parse(line) as { id?: string; seq?: string; last_seq?: string }
                since = row.seq ?? row.last_seq ?? since
                if (row.id !== undefined) fed.add(`${feed} ${row.id}`)
              }
            } catch {
              await Bun.sleep(50)
            }
            own.close()
          }
        })

        const more = (count: number) => {
          const goal = [acknowledged.size + count, files.size + 5] as const
          return () => acknowledged.size >= goal[0] && files.size >= goal[1]
        }
        await eventually('writes', more(200))
        await servers[0]?.killTree()
        await eventually('writes with three servers', more(200))
        expect(statuses.get(500) ?? 0).toBe(0)

        await databases.killPrimary()
        const began = Date.now()
        // Nobody takes writes: they are refused, or wait for a primary.
        await Bun.sleep(1_000)
        const stalled = acknowledged.size
        await Bun.sleep(2_000)
        expect(acknowledged.size).toBe(stalled)
        await databases.promote()
        const promoted = Date.now()
        const before = acknowledged.size
        await eventually('the first write on the replica', () => acknowledged.size > before)
        console.log(`primary gone for ${promoted - began} ms; a write ${Date.now() - promoted} ms after the promotion`)
        await eventually('writes on the replica', more(200))
        ended = true
        await Promise.all([...writers, ...uploads])

        const missing = () =>
          [...acknowledged.keys()].filter((id) => ![0, 1, 2, 3].every((feed) => fed.has(`${feed} ${id}`)))
        await eventually('everything in every feed', () => missing().length === 0)
        following.abort()
        await Promise.all(feeds)
        for (const server of servers.slice(1)) expect(server.output.stderr).not.toContain('uncaught exception')
        for (const server of servers.slice(1)) {
          const response = await server.fetch(`${path}/_all_docs`, { headers })
          const { rows } = (await response.json()) as { rows: { id: string; value: { rev: string } }[] }
          const there = new Map(rows.map(({ id, value }) => [id, value.rev]))
          expect([...acknowledged].filter(([id, rev]) => there.get(id) !== rev)).toEqual([])
        }
        for (const [id, sum] of files) {
          const response = await client.fetch(`${url}/files/download/${id}`, { headers })
          expect([response.status, md5(await response.text())]).toEqual([200, sum])
        }
        expect(statuses.get(500) ?? 0).toBe(0)
        console.log(`${acknowledged.size} documents and ${files.size} files acknowledged, none lost`, [...statuses])
        client.close()
      },
      3 * patienceMs,
    )
  },
)

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
