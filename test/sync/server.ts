/** A real server with folders as entries. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerOptions, startServer, type TestServer } from '../support/server.ts'

export interface SyncServer extends TestServer {
  /** Folders of the entries, by name. */
  readonly roots: Readonly<Record<string, string>>
  readonly syncToken: string
  /** Where new entries may be made. */
  readonly freeRoot: string
  /** Asks the sync API, with the token for everything newer than 1.0. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** Removes what `stop` leaves. */
  clean(): void
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly json: unknown
}

export interface SyncServerOptions extends ServerOptions {
  readonly entries?: readonly string[]
  readonly rules?: readonly object[]
  /** The folder of a former server, for restarts. */
  readonly folder?: string
}

export async function startSyncServer(
  options: SyncServerOptions = {},
): Promise<SyncServer & { readonly folder: string }> {
  const { entries = ['A', 'B'], rules = [{ match: { path: '/' }, sync: entries }] } = options
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'hearth-sync-server-'))
  // PostgreSQL runs as another user below it.
  chmodSync(folder, 0o711)
  const roots = Object.fromEntries(entries.map((name, at) => [name, join(folder, `entry-${at}`)]))
  const freeRoot = join(folder, 'free')
  for (const root of [...Object.values(roots), freeRoot]) mkdirSync(root, { recursive: true })
  const config = join(folder, 'hearth.yaml')
  const given = entries.map((name) => ({ name, driver: 'local_storage', options: { root: roots[name] } }))
  writeFileSync(config, JSON.stringify({ sync: { entries: given, rules, roots: [freeRoot] } }))
  const dataDir = join(folder, 'data')
  const server = await startServer({
    ...options,
    dataDir,
    args: ['--config', config, ...(options.args ?? [])],
  })
  const syncToken = readFileSync(join(dataDir, 'sync-token'), 'utf8').trim()
  return {
    ...server,
    folder,
    roots,
    freeRoot,
    syncToken,
    async ask(method, path, body, headers = {}) {
      const token: Record<string, string> = path.startsWith('/api/v1.1') ? { authorization: `Bearer ${syncToken}` } : {}
      const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const response = await server.fetch(`${server.syncUrl}${path}`, {
        method,
        headers: { ...token, ...type, ...headers },
        ...(text === undefined ? {} : { body: text as string }),
      })
      const answer = await response.text()
      let json: unknown
      try {
        json = JSON.parse(answer) as unknown
      } catch {
        json = answer
      }
      return { status: response.status, headers: response.headers, json }
    },
    clean: () => rmSync(folder, { recursive: true, force: true }),
  }
}
