/** A server that dies and comes back on the same data, under the same address: clients take it for the same one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../support/postgres.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { type Remote, remoteOf } from './remote.ts'

/** `server`: SIGKILL of Hearth, its PostgreSQL lives on. `all`: of both. */
export type Death = 'server' | 'all'

export interface MortalServer {
  readonly remote: Remote
  kill(death: Death): Promise<void>
  restart(): Promise<void>
  /** Requests that this life has answered to routes that end so. */
  answered(ending: string): Promise<number>
  stop(): Promise<void>
}

export async function startMortalServer(): Promise<MortalServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'hearth-pouch-'))
  const args = ['--port', String(await freePort())]
  let server: TestServer = await startServer({ dataDir, args, keepData: true })
  // Its host is its address, so that it stays the same; a new token of a new life would not be that of the client.
  const first = await remoteOf(server)
  return {
    remote: { ...first, fetch: async (path, init) => (await remoteOf(server)).fetch(path, init) },
    kill: (death) => (death === 'all' ? server.killTree() : server.kill()),
    async restart() {
      server = await startServer({ dataDir, args, keepData: true })
    },
    async answered(ending) {
      const authorization = `Basic ${btoa(`admin:${server.passphrase}`)}`
      const text = await (await server.fetch(`${server.adminUrl}/metrics`, { headers: { authorization } })).text()
      const counts = text.matchAll(/^hearth_http_requests_total\{.*route="([^"]*)".*\} (\d+)$/gm)
      return [...counts].reduce((sum, [, route = '', count]) => (route.endsWith(ending) ? sum + Number(count) : sum), 0)
    },
    async stop() {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
