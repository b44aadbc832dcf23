import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoOf } from '../../../src/model/errno.ts'
import { StartupError } from '../../../src/model/startup-error.ts'
import { onDisk } from './failures.ts'
import { startTimeOf } from './processes.ts'

/** A data directory that this process alone serves. */
export interface Lock {
  release(): Promise<void>
}

/**
 * Takes the lock file, which holds the process id and that process's start time: after a crash the id may belong to a
 * different process. A lock whose process is gone is taken over.
 * @throws StartupError naming the process that has it, or when the file cannot be written.
 */
export async function takeLock(file: string): Promise<Lock> {
  return onDisk(dirname(file), () => take(file))
}

async function take(file: string): Promise<Lock> {
  const mine = `${process.pid} ${(await startTimeOf(process.pid)) ?? 'unknown'}\n`
  const draft = `${file}.${process.pid}.${crypto.randomUUID()}`
  try {
    await writeFile(draft, mine, { mode: 0o644 })
    if (!(await linked(draft, file))) await takeOver(draft, file, mine)
  } finally {
    await rm(draft, { force: true })
  }
  return {
    async release() {
      if ((await content(file)) === mine) await rm(file, { force: true })
    },
  }
}

/** A link appears completely or not at all, and never replaces a file: no other process sees a half-written lock. */
async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

async function takeOver(draft: string, file: string, mine: string): Promise<void> {
  await refuseIfAlive(file)
  await rename(draft, file)
  // Another process may have found the same stale lock: the last to rename has it, so look again.
  await sleep(50)
  if ((await content(file)) !== mine) await refuseIfAlive(file)
}

async function refuseIfAlive(file: string): Promise<void> {
  const [pid = '', life = ''] = ((await content(file)) ?? '').trim().split(' ')
  if (!/^[1-9][0-9]*$/.test(pid) || (await startTimeOf(Number(pid))) !== life) return
  throw new StartupError(
    `Another Hearth, process ${pid}, serves this data directory (${file}): stop it first, or choose another --data-dir.`,
  )
}

async function content(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
