/** The server's settings. */
import { appendFile, chown, rename, statfs, writeFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { syncPath } from './folders.ts'
import type { ServerUser } from './server-user.ts'

const ownFile = 'hearth.conf'
const localFile = 'local.conf'

/** Enough for one process of Hearth. */
export const usualConnections = 24

/** Appended once to what `initdb` wrote, which knows what this machine can do. The last setting of a name counts. */
const includes = `
include '${ownFile}'  # written by Hearth at every start
include_if_exists '${localFile}'  # for settings of your own
`

/** Makes a fresh cluster read our settings, and then the person's own. */
export async function includeSettings(cluster: string, user: ServerUser): Promise<void> {
  const file = join(cluster, 'postgresql.conf')
  await appendFile(file, includes)
  await syncPath(file)
  await writeOwned(join(cluster, localFile), '# Settings of your own, which win over hearth.conf.\n', user)
}

/** Writes the settings for the next start. */
export async function writeSettings(
  cluster: string,
  socketFolder: string,
  user: ServerUser,
  maxConnections: number,
): Promise<void> {
  const disk = await statfs(cluster)
  const machine = { memory: totalmem(), freeDisk: disk.bavail * disk.bsize }
  const text = settingsText(socketFolder, machine, maxConnections)
  const file = join(cluster, ownFile)
  await writeOwned(`${file}.new`, text, user)
  await rename(`${file}.new`, file)
}

async function writeOwned(file: string, text: string, user: ServerUser): Promise<void> {
  await writeFile(file, text, { mode: 0o600 })
  if (user.stepsDown) await chown(file, user.uid, user.gid)
}

/** The machine's size, in bytes. */
export interface MachineSize {
  readonly memory: number
  readonly freeDisk: number
}

/** The text of our settings file: a unix socket and no network, modest memory, nothing that a commit could lose. */
export function settingsText(
  socketFolder: string,
  { memory, freeDisk }: MachineSize,
  maxConnections: number = usualConnections,
): string {
  const settings: Record<string, string | number> = {
    listen_addresses: '',
    port: 5432,
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    max_connections: maxConnections,
    shared_buffers: memory < 2 * 2 ** 30 ? '64MB' : '128MB',
    work_mem: '8MB',
    huge_pages: 'off',
    jit: 'off',
    io_method: 'sync',
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_logical_replication_workers: 0,
    min_wal_size: '16MB',
    max_wal_size: freeDisk < 4 * 2 ** 30 ? '128MB' : '256MB',
    checkpoint_timeout: '10min',
    wal_compression: 'pglz',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    autovacuum_naptime: '15s',
    autovacuum_vacuum_cost_limit: 1000,
    autovacuum_max_workers: 2,
    idle_in_transaction_session_timeout: '60s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_line_prefix: '%m [%p] ',
    log_destination: 'stderr',
    logging_collector: 'off',
    // Statements and details of errors hold what people wrote, which belongs in no log.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${quoted(value)}`)
  return `# Written by Hearth at every start: do not edit.\n${lines.join('\n')}\n`
}

function quoted(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
