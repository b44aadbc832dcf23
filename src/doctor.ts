/** Looks at everything that a start needs, without changing anything, and says what is wrong with it. */
import { access, constants, readdir, readFile, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { inspectBucket } from '../storage/objects/minio/minio-objects.ts'
import { carriedProgram } from '../storage/postgres/embedded/program.ts'
import { inspectServer } from '../storage/postgres/inspect.ts'
import { schemaVersion } from '../storage/postgres/migrate.ts'
import type { Config } from './config/settings.ts'
import { readListenersFile } from './listeners-file.ts'
import { redactText } from './log.ts'
import { objectsPlace } from './objects.ts'

export interface Finding {
  readonly check: string
  /** `bad` keeps Hearth from starting, `warning` will hurt later. */
  readonly state: 'ok' | 'warning' | 'bad'
  /** What was found, and what to do when it is not right. */
  readonly text: string
}

/** A first start needs about 120 MB; below this it is time to say something. */
const lowSpaceBytes = 500e6

/** Runs all checks. */
export async function examine(config: Config): Promise<Finding[]> {
  const running = await runningServer(config.data_dir)
  const ports = running === undefined ? await Promise.all(portsOf(config).map(portFinding)) : []
  return [
    { check: 'configuration', state: 'ok', text: 'valid' },
    ...(await dataDirectory(config.data_dir)),
    config.database_url === undefined ? await embedded(config.data_dir) : await outside(config.database_url),
    await objects(config),
    ...(running === undefined ? ports : [running]),
  ]
}

async function dataDirectory(dataDir: string): Promise<Finding[]> {
  const there = await firstExisting(dataDir)
  const isThere = there === dataDir
  try {
    if (!(await stat(there)).isDirectory()) return [bad('data directory', `${there} is not a directory`)]
    await access(there, constants.W_OK | constants.X_OK)
  } catch {
    return [
      bad(
        'data directory',
        `${there} cannot be written by uid ${process.getuid?.()}: change its owner or choose another`,
      ),
    ]
  }
  const { bavail, bsize } = await statfs(there)
  const free = bavail * bsize
  const space = `${(free / 1e9).toFixed(1)} GB free`
  return [
    ok('data directory', `${dataDir} ${isThere ? 'is writable' : 'will be made by the first start'}`),
    free < lowSpaceBytes ? { check: 'disk', state: 'warning', text: `only ${space}` } : ok('disk', space),
  ]
}

async function embedded(dataDir: string): Promise<Finding> {
  const check = 'PostgreSQL'
  try {
    const { version } = await carriedProgram()
    const major = Number.parseInt(version, 10)
    const found = (await readdir(join(dataDir, 'pg')).catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number)
    const other = found.find((one) => one !== major)
    if (other !== undefined && !found.includes(major)) {
      return bad(
        check,
        `the data directory belongs to PostgreSQL ${other}, this Hearth includes ${version}: hearth backup with the older program, then restore`,
      )
    }
    const state = found.includes(major) ? 'with data' : 'no data yet'
    return ok(check, `embedded ${version}, ${state}`)
  } catch (error) {
    return bad(check, messageOf(error))
  }
}

async function outside(url: string): Promise<Finding> {
  const check = 'PostgreSQL'
  try {
    const facts = await inspectServer(url)
    if (facts.major < 15) return bad(check, `version ${facts.version} is too old: Hearth needs 15 or newer`)
    if (!facts.hasIcu) return bad(check, `version ${facts.version} was built without ICU, which Hearth needs`)
    if (facts.encoding !== 'UTF8') return bad(check, `the database's encoding is ${facts.encoding}: Hearth needs UTF8`)
    if (!facts.canCreate) return bad(check, 'the user may not create tables: GRANT CREATE ON SCHEMA ... TO it')
    if (facts.oldestProgram > schemaVersion) {
      return bad(
        check,
        `the schema is version ${facts.schemaVersion}, this Hearth knows up to ${schemaVersion}: use the newer program`,
      )
    }
    const schema = facts.schemaVersion === 0 ? 'no schema yet' : `schema ${facts.schemaVersion}`
    return ok(check, `version ${facts.version}, ICU, UTF8, ${schema}`)
  } catch (error) {
    return bad(check, `${redactText(url)} does not answer: ${messageOf(error)}`)
  }
}

async function objects(config: Config): Promise<Finding> {
  const check = 'objects'
  try {
    const place = objectsPlace(config)
    if ('folder' in place) return await objectsFolder(check, place.folder)
    const { state, text } = await inspectBucket(place.bucket)
    if (state === 'silent') return { check, state: 'warning', text: `${text}; files cannot be served until it does` }
    return state === 'refused' ? bad(check, text) : ok(check, text)
  } catch (error) {
    return bad(check, messageOf(error))
  }
}

async function objectsFolder(check: string, folder: string): Promise<Finding> {
  const there = await firstExisting(folder)
  try {
    if (!(await stat(there)).isDirectory()) return bad(check, `${there} is not a directory`)
    await access(there, constants.W_OK | constants.X_OK)
  } catch (error) {
    const below = error instanceof Error && 'code' in error && error.code === 'ENOTDIR'
    const why = below
      ? 'lies below something that is not a directory'
      : `cannot be written by uid ${process.getuid?.()}`
    return bad(check, `${there} ${why}: change that, or objects_url`)
  }
  return ok(check, `${folder} ${there === folder ? 'is writable' : 'will be made by the first start'}`)
}

interface Port {
  readonly setting: string
  readonly host: string
  readonly port: number | 'off'
}

function portsOf({ host, port, admin, sync, appliance }: Config): Port[] {
  return [
    { setting: 'port', host, port },
    { setting: 'admin.port', ...admin },
    { setting: 'sync.port', host, port: sync.port },
    { setting: 'appliance.port', ...appliance },
  ]
}

function portFinding({ setting, host, port }: Port): Promise<Finding> {
  if (port === 'off') return Promise.resolve(ok(setting, 'off'))
  if (port === 0) return Promise.resolve(ok(setting, 'any free one'))
  const address = host === 'localhost' ? '127.0.0.1' : host
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(bad(setting, `${host} port ${port} cannot be opened: ${messageOf(error)}`)))
    server.listen({ host: address, port }, () => {
      server.close(() => resolve(ok(setting, `${host} port ${port} is free`)))
    })
  })
}

/** A server that runs on this data directory: its ports are taken rightly. */
async function runningServer(dataDir: string): Promise<Finding | undefined> {
  const file = await readListenersFile(dataDir)
  if (file === undefined) return undefined
  try {
    process.kill(file.pid, 0)
    const command = await readFile(`/proc/${file.pid}/cmdline`, 'utf8').catch(() => 'serve')
    if (!command.includes('serve')) return undefined
  } catch {
    return undefined
  }
  return ok('server', `running as process ${file.pid}`)
}

async function firstExisting(path: string): Promise<string> {
  for (let one = path; ; one = dirname(one)) {
    const found = await stat(one).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    )
    if (found || one === dirname(one)) return one
  }
}

function ok(check: string, text: string): Finding {
  return { check, state: 'ok', text }
}

function bad(check: string, text: string): Finding {
  return { check, state: 'bad', text }
}

function messageOf(error: unknown): string {
  return redactText(
    error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : String(error),
  )
}
