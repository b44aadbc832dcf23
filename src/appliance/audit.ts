/**
 * Who did what to the machine: a line for people in the form that existing tools read, and the same as JSON where each
 * line holds the hash of the one before, so that a line that was changed or taken away is noticed.
 */
import { createHash, randomBytes } from 'node:crypto'
import { open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.ts'
import { codeOf, readIfThere } from './durable-file.ts'

export interface AuditEvent {
  /** Such as `token.update.success`. */
  readonly action: string
  /** What it was done to; never a value, a token or a hash. */
  readonly target?: string
  readonly address?: string | undefined
  readonly agent?: string | undefined
  readonly status?: number
  readonly job?: string | undefined
}

export interface Audit {
  /** Writes an event; never fails, since what it tells of has happened. */
  write(event: AuditEvent): Promise<void>
}

const maxBytes = 5 * 1024 ** 2
const kept = 3

/** Opens the audit log in a folder. */
export async function openAudit(folder: string, log: Log): Promise<Audit> {
  const plain = join(folder, 'jidoteki-audit.log')
  const chained = join(folder, 'audit.jsonl')
  let previous = await lastHash(chained)
  let queue = Promise.resolve()
  return {
    write({ action, target = '', address, agent, status, job }) {
      queue = queue.then(async () => {
        const now = process.hrtime.bigint()
        const time = Date.now()
        const id = randomBytes(8).toString('hex')
        const nanoseconds = String(now % 1_000_000_000n).padStart(9, '0')
        const quoted = printable(target).replaceAll('\\', '\\\\').replaceAll('"', '\\"')
        const line = `${Math.floor(time / 1000)}.${nanoseconds},${id},web,admin,${action},"${quoted}"\n`
        const shownAgent = agent === undefined ? undefined : printable(agent).slice(0, 200)
        const record = {
          time: new Date(time).toISOString(),
          id,
          action,
          target: printable(target),
          ip: address,
          ua: shownAgent,
          status,
          job,
          prev: previous,
        }
        const text = JSON.stringify(record)
        try {
          await append(plain, line)
          await append(chained, `${text}\n`)
          previous = createHash('sha256').update(text).digest('hex')
        } catch (error) {
          log.error('the audit log cannot be written', { error })
        }
      })
      return queue
    },
  }
}

/** The number of the first line (from 1) that does not follow from the one before it; 0 when all do. */
export function findBrokenLink(text: string): number {
  let previous: string | undefined
  const lines = text.split('\n').filter((line) => line !== '')
  for (const [at, line] of lines.entries()) {
    let record: { prev?: unknown }
    try {
      record = JSON.parse(line) as { prev?: unknown }
    } catch {
      return at + 1
    }
    if (previous !== undefined && record.prev !== previous) return at + 1
    previous = createHash('sha256').update(line).digest('hex')
  }
  return 0
}

async function lastHash(file: string): Promise<string> {
  const lines = ((await readIfThere(file)) ?? '').trimEnd().split('\n')
  const last = lines.at(-1) ?? ''
  return last === '' ? '' : createHash('sha256').update(last).digest('hex')
}

async function append(file: string, line: string): Promise<void> {
  await rotate(file)
  const handle = await open(file, 'a', 0o600)
  try {
    await handle.writeFile(line)
  } finally {
    await handle.close()
  }
}

/** Renames a file that has grown large to `.1`, that to `.2`, and so on. */
export async function rotate(file: string, limit = maxBytes): Promise<void> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  )
  if (size < limit) return
  for (let number = kept; number >= 1; number--) {
    await rename(number === 1 ? file : `${file}.${number - 1}`, `${file}.${number}`).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
    })
  }
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}
