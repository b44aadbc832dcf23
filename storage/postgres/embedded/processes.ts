/** What /proc tells about other processes. */
import { readFile } from 'node:fs/promises'

/**
 * Distinguishes processes that reuse an id: the boot and the start in clock ticks since then.
 * Undefined when there is no such process, or only a zombie.
 */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const stat = await readProc(pid, 'stat')
  if (stat === undefined) return undefined
  // The second field is the program's name in brackets and may hold anything; the others follow the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, started] = [fields[0], fields[19]]
  if (started === undefined || state === 'Z' || state === 'X') return undefined
  return `${(await bootId()).slice(0, 8)}:${started}`
}

/** The arguments a process was started with, the program first; undefined when there is no such process. */
export async function argumentsOf(pid: number): Promise<string[] | undefined> {
  return (await readProc(pid, 'cmdline'))?.split('\0').slice(0, -1)
}

async function readProc(pid: number, file: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}

async function bootId(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')
}

/** Sends a signal; false when the process is gone already. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
