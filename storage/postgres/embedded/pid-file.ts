import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { argumentsOf } from './processes.ts'

/** What `postmaster.pid` says about a running server. Only PostgreSQL writes or removes that file. */
export interface RunningServer {
  readonly pid: number
  readonly socketFolder: string
  /** `starting` includes crash recovery. */
  readonly status: 'starting' | 'stopping' | 'ready'
}

/** Reads `postmaster.pid`; undefined when it is missing, not written whole yet, or of a process that is not this server. */
export async function runningServer(cluster: string): Promise<RunningServer | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 0 || !(await serves(pid, cluster))) return undefined
  const status = lines[7] === 'ready' ? 'ready' : lines[7] === 'stopping' ? 'stopping' : 'starting'
  return { pid, socketFolder: lines[4] ?? '', status }
}

/** After a crash the process id may belong to a stranger: a postmaster of ours names its cluster in its arguments. */
async function serves(pid: number, cluster: string): Promise<boolean> {
  const [program = '', ...rest] = (await argumentsOf(pid)) ?? []
  return program.endsWith('/postgres') && rest.includes(cluster)
}
