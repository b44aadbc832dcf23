/** Names processes so that another one on the same machine can prove that they have ended. */
import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { errnoOf } from '../model/errno.ts'

/** A name for this process, unique among all processes of all machines: `BOOT/NAMESPACE/PID/START/RANDOM`. */
export function newProcessName(): string {
  return [bootName(), namespaceOfIds(), process.pid, startOf(process.pid) ?? '', randomUUID()].join('/')
}

/**
 * Whether the process with a name of `newProcessName` has certainly ended. `onThisMachine` says that it cannot have run
 * on another machine: then whatever ran before the last boot has ended. False also means that it cannot be known here.
 */
export function hasEnded(name: string, { onThisMachine }: { readonly onThisMachine: boolean }): boolean {
  const [boot, ids, pid, start, ...more] = name.split('/')
  if (start === undefined || more.length !== 1) return onThisMachine
  if (boot !== bootName()) return onThisMachine
  // The ids of another container's processes mean nothing here.
  if (ids !== namespaceOfIds()) return false
  return start === '' ? !exists(Number(pid)) : startOf(Number(pid)) !== start
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process exists too.
    return errnoOf(error) !== 'ESRCH'
  }
}

/** When a process started, in clock ticks since the machine did; `undefined` when there is none or it only waits to be reaped. */
function startOf(pid: number): string | undefined {
  const stat = text(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The second field is the program's name in brackets and may hold anything; the others follow the last bracket.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields === undefined || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

function bootName(): string {
  return text(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? hostname()
}

function namespaceOfIds(): string {
  return text(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')) ?? ''
}

/** Only Linux has these files. */
function text(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
