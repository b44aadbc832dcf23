/**
 * The harness: starts the real server as its own process, the built binary when HEARTH_TEST_BINARY names it, else the
 * sources, with free ports and a folder of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { guard } from './guardian.ts'
import { type HttpInit, openHttpClient } from './http.ts'
import { sharedPostgres } from './postgres.ts'

export interface ServerOptions {
  /** `external`: a fresh database on the outside PostgreSQL. */
  readonly database?: 'embedded' | 'external'
  /** Added to the environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Program and leading arguments, in place of the Hearth under test. */
  readonly command?: readonly [string, ...string[]]
  /** Added to `serve`. */
  readonly args?: readonly string[]
  /** An existing data directory, for restarts. It is kept unless `keepData` is false. */
  readonly dataDir?: string
  /** Keep the data directory after `stop`. */
  readonly keepData?: boolean
}

export interface TokenOptions {
  readonly domain?: string
  /** Default `cli`. */
  readonly audience?: string
  readonly subject?: string
  /** A span such as `10m`. */
  readonly expire?: string
}

export interface TestServer {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly adminUrl: string
  readonly syncUrl: string
  readonly applianceUrl: string
  /** The instance of the first run; empty with `--no-first-run`. */
  readonly domain: string
  readonly passphrase: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly pid: number
  /** Everything written so far. */
  readonly output: { readonly stdout: string; readonly stderr: string }
  /** A token made through the admin API, for scopes such as `io.cozy.notes:GET` or `*`. */
  token(scope: string, options?: TokenOptions): Promise<string>
  createInstance(domain: string): Promise<void>
  /**
   * Sends a request to the public listener, or wherever an absolute URL points. `Host` is the first instance unless
   * given; no token is added.
   */
  fetch(pathOrUrl: string, init?: HttpInit): Promise<Response>
  /** SIGTERM; resolves to the exit code when everything has ended. */
  stop(): Promise<number | null>
  /** SIGKILL of the server only: its PostgreSQL lives on. */
  kill(): Promise<void>
  /** SIGKILL of the server and everything that it has started. */
  killTree(): Promise<void>
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** How to run Hearth here: program and leading arguments. */
export function hearthCommand(): readonly [string, ...string[]] {
  const binary = process.env['HEARTH_TEST_BINARY']
  const leading = 'deno' in process.versions ? ['run', '-A'] : []
  return binary ? [binary] : [process.execPath, ...leading, join(root, 'src', 'main.ts')]
}

/** What processes on one outside database must share. */
const testKey = '0123456789abcdef'.repeat(4)

/** HEARTH_TEST_WORKERS lets every server of a run have several workers. */
function workers(): readonly string[] {
  const count = process.env['HEARTH_TEST_WORKERS']
  return count === undefined ? [] : ['--workers', count]
}

/** The environment of a child: ours without any setting of Hearth; a key where an outside database needs one. */
export function hearthEnvironment(extra: ServerOptions['env'] = {}): Record<string, string> {
  const outside = extra['HEARTH_DATABASE_URL'] === undefined ? {} : { HEARTH_SECRETS_KEY: testKey }
  const given = { ...outside, ...extra }
  const merged = { ...process.env, NO_COLOR: '1', ...given }
  const kept = Object.entries(merged).filter(
    ([name, value]) => value !== undefined && (name in given || !name.startsWith('HEARTH_')),
  )
  return Object.fromEntries(kept) as Record<string, string>
}

/** Runs a command to its end. */
export async function runHearth(
  args: readonly string[],
  options: { readonly env?: ServerOptions['env']; readonly input?: string; readonly cwd?: string } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [program, ...leading] = hearthCommand()
  const child = spawn(program, [...leading, ...args], { env: hearthEnvironment(options.env), cwd: options.cwd ?? root })
  const output = collect(child)
  child.stdin?.end(options.input ?? '')
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, ...output }
}

/** Starts a server and resolves when it is ready. Rejects with its output when it ends before. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'hearth-test-'))
  const databaseUrl = options.database === 'external' ? await (await sharedPostgres()).createDatabase() : undefined
  const passphrase = 'open-sesame'
  const env = hearthEnvironment({
    HEARTH_ADMIN_PASSPHRASE: passphrase,
    HEARTH_DATABASE_URL: databaseUrl,
    ...options.env,
  })
  const [program, ...leading] = options.command ?? hearthCommand()
  const ports = ['--port', '--admin-port', '--sync-port', '--appliance-port'].flatMap((flag) => [flag, '0'])
  const local = env['HEARTH_DATABASE_URL'] && !env['HEARTH_OBJECTS_URL'] ? ['--allow-local-objects'] : []
  const args = [...leading, 'serve', '--data-dir', dataDir, ...ports, ...workers(), ...local, ...(options.args ?? [])]
  const child = spawn(program, args, { env, cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const pid = child.pid ?? 0
  const keep = options.keepData ?? options.dataDir !== undefined
  const guardian = guard(pid, keep ? join(dataDir, 'nothing') : dataDir)
  const output = collect(child)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const client = openHttpClient()
  const addresses = await ready(dataDir, pid, child, output)
  const urlOf = (name: string) => (addresses[name]?.url ?? '').replace('localhost', '127.0.0.1')
  const [url, adminUrl] = [urlOf('public'), urlOf('admin')]
  const shownPassphrase = /Admin passphrase.*\n {2}(\S+)/.exec(output.stdout)?.[1]
  const auth = { authorization: `Basic ${btoa(`admin:${shownPassphrase ?? env['HEARTH_ADMIN_PASSPHRASE'] ?? ''}`)}` }

  const askAdmin = async (method: string, path: string) => {
    const response = await client.fetch(`${adminUrl}${path}`, { method, headers: auth })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text
  }
  const domain = adminUrl === '' ? '' : firstDomain(await askAdmin('GET', '/instances'))
  const end = async (signal: NodeJS.Signals, pids: readonly number[]) => {
    for (const one of pids) tryKill(one, signal)
    const code = await ended
    client.close()
    guardian.release()
    return code
  }
  const removeData = () => {
    if (!keep) rmSync(dataDir, { recursive: true, force: true })
  }

  return {
    url,
    adminUrl,
    syncUrl: urlOf('sync'),
    applianceUrl: urlOf('appliance'),
    domain,
    passphrase: shownPassphrase ?? env['HEARTH_ADMIN_PASSPHRASE'] ?? '',
    dataDir,
    databaseUrl,
    pid,
    output,
    token: (scope, given = {}) => {
      const query = new URLSearchParams({
        Domain: given.domain ?? domain,
        Audience: given.audience ?? 'cli',
        Scope: scope,
      })
      if (given.subject !== undefined) query.set('Subject', given.subject)
      if (given.expire !== undefined) query.set('Expire', given.expire)
      return askAdmin('POST', `/instances/token?${query}`)
    },
    async createInstance(name) {
      await askAdmin('POST', `/instances?${new URLSearchParams({ Domain: name })}`)
    },
    fetch(pathOrUrl, init = {}) {
      const toPublic = pathOrUrl.startsWith('/')
      const named = Object.keys(init.headers ?? {}).some((name) => name.toLowerCase() === 'host')
      const headers = toPublic && !named ? { host: domain, ...init.headers } : (init.headers ?? {})
      return client.fetch(toPublic ? url + pathOrUrl : pathOrUrl, { ...init, headers })
    },
    async stop() {
      const code = await end('SIGTERM', [pid])
      removeData()
      return code
    },
    async kill() {
      await end('SIGKILL', [pid])
    },
    async killTree() {
      await end('SIGKILL', [pid, ...descendants(pid), ...postmasters(dataDir)])
      removeData()
    },
  }
}

const key = Symbol.for('hearth.test.server')
const shared = globalThis as { [key]?: Promise<TestServer> }

/**
 * One server for the whole test run (a start costs a second), ended when the run ends. Tests make instances of their own
 * in it and never stop it.
 */
export function sharedServer(): Promise<TestServer> {
  shared[key] ??= startServer()
  return shared[key]
}

type Addresses = Record<string, { readonly url: string } | null | undefined>

async function ready(
  dataDir: string,
  pid: number,
  child: ChildProcess,
  output: { readonly stdout: string; readonly stderr: string },
): Promise<Addresses> {
  const file = join(dataDir, 'listeners.json')
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const found = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { pid: number } & Addresses) : undefined
    if (found?.pid === pid && output.stdout.includes('Hearth is running')) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  tryKill(pid, 'SIGKILL')
  throw new Error(`the server did not start (exit code ${child.exitCode}):\n${output.stdout}\n${output.stderr}`)
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  return output
}

function firstDomain(instances: string): string {
  const { data } = JSON.parse(instances) as { data: { attributes: { domain: string } }[] }
  return data[0]?.attributes.domain ?? ''
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone already.
  }
}

/** All processes below one, from /proc. */
function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = parentOf(name)
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const below = (one: number): number[] => (children.get(one) ?? []).flatMap((child) => [child, ...below(child)])
  return below(pid)
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

/** The embedded PostgreSQL is nobody's child when it was adopted after a crash: its own file says who it is. */
function postmasters(dataDir: string): number[] {
  if (!existsSync(dataDir)) return []
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('postmaster.pid'),
  )
  return files.flatMap((file) => {
    const pid = Number(readFileSync(join(dataDir, file), 'utf8').split('\n')[0])
    return pid > 0 ? [pid, ...descendants(pid)] : []
  })
}
