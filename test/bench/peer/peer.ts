/**
 * `pouchdb-server` on LevelDB, the peer of the replication benchmark. It is pinned by the lock file beside this file and
 * kept out of the project's own: the benchmark installs it into the user's cache and runs it with Node.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { guard } from '../../support/guardian.ts'
import { freePort } from '../../support/postgres.ts'

export interface Peer {
  readonly port: number
  readonly pid: number
  stop(): void
}

const files = ['package.json', 'package-lock.json'] as const

/**
 * The folder with the peer in it, installed when it is not there yet. LevelDB's binding comes built in its package, so
 * no install script is run; those of packages that the peer does not load here (SQLite) would want a compiler.
 */
function installed(): string {
  const lock = createHash('sha256')
  for (const file of files) lock.update(readFileSync(join(import.meta.dirname, file)))
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hearth')
  const folder = join(cache, `bench-peer-${lock.digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const making = mkdtempSync(`${folder}.`)
  for (const file of files) copyFileSync(join(import.meta.dirname, file), join(making, file))
  console.log('installing pouchdb-server into the cache ...')
  const options = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund']
  const { status, stderr, error } = spawnSync('npm', ['ci', ...options], { cwd: making, encoding: 'utf8' })
  if (status !== 0) {
    rmSync(making, { recursive: true, force: true })
    throw new Error(`npm ci of pouchdb-server failed: ${error?.message ?? stderr}`)
  }
  renameSync(making, folder)
  return folder
}

/** Starts it with an empty folder and nothing to log. Throws when it cannot be installed or does not answer. */
export async function startPeer(): Promise<Peer> {
  const folder = installed()
  const data = mkdtempSync(join(tmpdir(), 'hearth-peer-'))
  const port = await freePort()
  writeFileSync(join(data, 'config.json'), JSON.stringify({ log: { file: join(data, 'log.txt'), level: 'none' } }))
  const program = join(folder, 'node_modules', 'pouchdb-server', 'bin', 'pouchdb-server')
  const options = ['--port', String(port), '--dir', join(data, 'db'), '--config', join(data, 'config.json')]
  const args = [program, ...options, '--no-stdout-logs']
  const child = spawn('node', args, { cwd: data, stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2_000)
  })
  child.once('error', (error) => {
    errors += error.message
  })
  const guardian = guard(child.pid ?? 0, data)
  const stop = () => {
    child.kill('SIGKILL')
    guardian.release()
    rmSync(data, { recursive: true, force: true })
  }
  try {
    await answering(child, port)
  } catch (cause) {
    stop()
    throw new Error(`pouchdb-server does not run: ${errors}`, { cause })
  }
  return { port, pid: child.pid ?? 0, stop }
}

async function answering(child: ChildProcess, port: number): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/`)
      const { 'pouchdb-adapters': adapters } = (await answer.json()) as { 'pouchdb-adapters'?: readonly string[] }
      if (adapters?.[0] !== 'leveldb') throw new Error(`it is not on LevelDB: ${adapters}`)
      return
    } catch (error) {
      if (attempt > 300 || child.exitCode !== null || child.pid === undefined) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
