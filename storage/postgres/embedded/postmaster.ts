/** The server's main process: started here, or found running because an earlier Hearth was killed. */
import { spawn } from 'node:child_process'
import { chown, open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cannotRun } from './cluster.ts'
import type { Layout } from './layout.ts'
import { signal, startTimeOf } from './processes.ts'
import { type ServerUser, spawnOptions } from './server-user.ts'

/** A running postmaster. */
export interface Postmaster {
  readonly pid: number
  /** Resolves when the process is gone, with how it ended. */
  readonly gone: Promise<string>
  /** Stops it: fast, after 8 s immediately (the next start then recovers). Resolves within 10 s; false when it still runs. */
  stop(): Promise<boolean>
}

const patience = { fast: 8_000, immediate: 1_500 }

/** Starts the server in a session of its own, so that Ctrl-C at the terminal reaches Hearth alone, which stops it in order. */
export async function startPostmaster(layout: Layout, program: string, user: ServerUser): Promise<Postmaster> {
  const log = await open(layout.log, 'a', 0o640)
  try {
    if (user.stepsDown && user.ownsDataDir) await chown(layout.log, user.uid, user.gid)
    const child = spawn(join(program, 'bin', 'postgres'), ['-D', layout.cluster], {
      ...spawnOptions(user),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    const gone = new Promise<string>((resolve) => {
      child.on('exit', (code, name) => resolve(name === null ? `exit code ${code}` : `signal ${name}`))
    })
    const pid = await new Promise<number>((resolve, reject) => {
      child.on('error', (error) => reject(cannotRun(error, user)))
      child.on('spawn', () => resolve(child.pid ?? 0))
    })
    child.unref()
    return { pid, gone, stop: () => stop(gone, (name) => signal(pid, name)) }
  } finally {
    await log.close()
  }
}

/** Takes charge of a postmaster that is not a child of ours: it is watched through its process id. */
export async function adoptPostmaster(pid: number): Promise<Postmaster | undefined> {
  const life = await startTimeOf(pid)
  if (life === undefined) return undefined
  const gone = vanished(pid, life)
  const send = async (name: NodeJS.Signals) => (await startTimeOf(pid)) === life && signal(pid, name)
  return { pid, gone, stop: () => stop(gone, send) }
}

async function vanished(pid: number, life: string): Promise<string> {
  while ((await startTimeOf(pid)) === life) await sleep(200, undefined, { ref: false })
  return 'unknown, since it was no child of this process'
}

async function stop(
  gone: Promise<string>,
  send: (name: NodeJS.Signals) => boolean | Promise<boolean>,
): Promise<boolean> {
  // A process id that is free again may soon belong to another process.
  if (await within(0, gone)) return true
  await send('SIGINT')
  if (await within(patience.fast, gone)) return true
  await send('SIGQUIT')
  return within(patience.immediate, gone)
}

/** True when `event` comes in time. The timer also keeps the process alive while it waits. */
export async function within(milliseconds: number, event: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController()
  const late = sleep(milliseconds, false, { signal: timer.signal }).catch(() => false)
  const happened = await Promise.race([event.then(() => true), late])
  timer.abort()
  return happened
}
