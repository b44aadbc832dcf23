/** How much memory the machine has, and how much of it is in use. */
import { freemem, totalmem } from 'node:os'
import { parseMeminfo } from './proc.ts'

export interface Memory {
  readonly total: number
  readonly available: number
}

/** Memory as the health of the machine shows it. */
export interface MeasuredMemory {
  readonly used: string
  readonly total: string
  readonly percentage: number
}

const mebibyte = 1024 ** 2

/** Used is what programs cannot get any more. `meminfo` is the text of /proc/meminfo, absent where there is no such file. */
export function measureMemory(meminfo: string | undefined): MeasuredMemory | undefined {
  const measured = meminfo === undefined ? notLinux() : memoryOf(parseMeminfo(meminfo))
  if (measured === undefined) return undefined
  const { total, available } = measured
  const used = total - available
  return {
    used: `${Math.floor(used / mebibyte)}M`,
    total: `${Math.floor(total / mebibyte)}M`,
    percentage: Math.round((100 * used) / total),
  }
}

/** Memory that programs may still get, in bytes; `undefined` when even the total is not known. */
export function memoryOf(meminfo: ReadonlyMap<string, number>): Memory | undefined {
  const value = (name: string) => meminfo.get(name) ?? 0
  const total = value('MemTotal')
  if (total === 0) return undefined
  // Linux before 3.14, and some containers, do not say what is available.
  const estimate = value('MemFree') + value('Buffers') + value('Cached') + value('SReclaimable') - value('Shmem')
  const said = value('MemAvailable')
  const available = said === 0 ? estimate : said
  // In some containers the total is the container's and the rest is the host's.
  return { total, available: Math.max(0, available > total ? Math.min(value('MemFree'), total) : available) }
}

function notLinux(): Memory | undefined {
  return process.platform === 'linux' ? undefined : { total: totalmem(), available: freemem() }
}
