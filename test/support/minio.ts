/** A MinIO server for tests, in a folder of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Client } from 'minio'
import { guard } from './guardian.ts'
import { freePort } from './postgres.ts'

export interface TestMinio {
  /** A value for HEARTH_OBJECTS_URL: a bucket of its own, not made yet. */
  newUrl(): string
  /** The bucket in such a URL. */
  bucketOf(url: string): string
  /** Talks to the server directly. */
  readonly client: Client
  readonly port: number
  /** Of the server that runs now. */
  pid(): number
  /** Ends the server at once, keeping its data. */
  pause(): Promise<void>
  /** Starts it again on the same port and folder. */
  resume(): Promise<void>
  stop(): Promise<void>
}

const module = 'github.com/minio/minio@latest'
const credentials = { accessKey: 'hearth', secretKey: 'a+secret/with%signs' }

/** Where a server that was built for tests is kept. */
const cacheFolder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'hearth', 'minio-latest')

/** Builds the server into the cache folder, which takes minutes. Throws when it cannot be built. */
export function buildMinio(): string {
  const built = join(cacheFolder, 'minio')
  if (existsSync(built)) return built
  mkdirSync(cacheFolder, { recursive: true })
  const env = { ...process.env, GOBIN: cacheFolder, CGO_ENABLED: '0' }
  const { status, error } = spawnSync('go', ['install', module], { env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined) throw new Error(`no MinIO server, and no Go that could build one: ${error.message}`)
  if (status !== 0 || !existsSync(built)) throw new Error(`go install ${module} failed (exit code ${status})`)
  return built
}

let warned = false

/**
 * The server's program: HEARTH_TEST_MINIO, `minio` on PATH, or one built before. Without any it throws in CI and is
 * `undefined` elsewhere, after saying loudly what is skipped.
 */
export function minioProgram(): string | undefined {
  const named = process.env['HEARTH_TEST_MINIO']
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => folder && join(folder, 'minio'))
  const found = [named, ...onPath, join(cacheFolder, 'minio')].find((path) => path && existsSync(path))
  if (found) return found
  if (process.env['HEARTH_TEST_BUILD_MINIO'] === '1') return buildMinio()
  const missing =
    'no MinIO server found: set HEARTH_TEST_MINIO to one, or HEARTH_TEST_BUILD_MINIO=1 to build it with Go'
  if (process.env['CI']) throw new Error(missing)
  if (!warned) console.warn(`\n*** SKIPPED, every test on MinIO: ${missing} ***\n`)
  warned = true
  return undefined
}

/** Starts a server on a free loopback port. */
export async function startMinio(program: string | undefined = minioProgram()): Promise<TestMinio> {
  if (program === undefined) throw new Error('no MinIO server: check minioProgram() first')
  const folder = mkdtempSync(join(tmpdir(), 'hearth-minio-'))
  const port = await freePort()
  const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, region: 'us-east-1', ...credentials })
  const env = {
    ...process.env,
    MINIO_ROOT_USER: credentials.accessKey,
    MINIO_ROOT_PASSWORD: credentials.secretKey,
    MINIO_BROWSER: 'off',
    MINIO_UPDATE: 'off',
  }
  const run = async () => {
    const args = ['server', '--quiet', '--address', `127.0.0.1:${port}`, join(folder, 'data')]
    const child = spawn(program, args, { env, cwd: folder, stdio: 'ignore' })
    const pid = child.pid ?? 0
    const guardian = guard(pid, folder)
    await answering(port, () => child.exitCode !== null)
    const end = async (signal: NodeJS.Signals) => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.signalCode === null && child.kill(signal)) await gone
      guardian.release()
    }
    return { pid, end }
  }
  let server = await run()
  let count = 0
  return {
    newUrl() {
      const keys = `${credentials.accessKey}:${encodeURIComponent(credentials.secretKey)}`
      return `s3+http://${keys}@127.0.0.1:${port}/hearth-${++count}`
    },
    bucketOf: (url) => url.slice(url.lastIndexOf('/') + 1),
    client,
    port,
    pid: () => server.pid,
    pause: () => server.end('SIGKILL'),
    async resume() {
      server = await run()
    },
    async stop() {
      await server.end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function answering(port: number, hasEnded: () => boolean): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const ready = await fetch(`http://127.0.0.1:${port}/minio/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (ready) return
    if (attempt > 300 || hasEnded()) throw new Error('the MinIO server did not start')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const key = Symbol.for('hearth.test.minio')
const shared = globalThis as { [key]?: Promise<TestMinio> }

/** One server for the whole test run, ended when the run ends. Each test takes a bucket of its own with `newUrl`. */
export function sharedMinio(): Promise<TestMinio> {
  shared[key] ??= startMinio()
  return shared[key]
}
