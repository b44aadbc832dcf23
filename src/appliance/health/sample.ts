/** The health of the machine in the few numbers that every client shows. */
import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { loadavg, cpus as systemCpus } from 'node:os'
import { join } from 'node:path'
import { dfSize } from '../sizes.ts'
import { type MeasuredMemory, measureMemory } from './memory.ts'
import { parseLoad } from './proc.ts'

/** The documented body; a part that cannot be measured is left out. */
export interface HealthSample {
  readonly disk?: { readonly used: string; readonly total: string; readonly percentage: number }
  readonly memory?: MeasuredMemory
  readonly cpu?: { readonly num: number; readonly load: string; readonly cpu5min: number }
}

/** What statfs says, in blocks. */
export interface DiskBlocks {
  readonly blockBytes: number
  readonly blocks: number
  readonly free: number
  /** Free for others than root. */
  readonly available: number
}

export interface SampleSources {
  /** The proc file system. */
  readonly proc: string
  /** Where the data is. */
  readonly disk: string
  /** Measures a disk; a test puts numbers in its place. */
  readonly blocksOf?: ((path: string) => Promise<DiskBlocks>) | undefined
}

/** Measures now. `undefined` when nothing can be measured. */
export async function takeSample(sources: SampleSources): Promise<HealthSample | undefined> {
  const disk = await diskOf(sources)
  const memory = measureMemory(textOf(join(sources.proc, 'meminfo')))
  const cpu = cpuNow(sources.proc)
  if (disk === undefined && memory === undefined && cpu === undefined) return undefined
  return { ...(disk && { disk }), ...(memory && { memory }), ...(cpu && { cpu }) }
}

async function diskOf({ disk, blocksOf = statfsBlocks }: SampleSources): Promise<HealthSample['disk']> {
  try {
    const found = await blocksOf(disk)
    return {
      used: dfSize(usedBytes(found)),
      total: dfSize(found.blocks * found.blockBytes),
      percentage: usedPercent(found),
    }
  } catch {
    return undefined
  }
}

/** Bytes in use. */
export function usedBytes({ blocks, free, blockBytes }: DiskBlocks): number {
  return (blocks - free) * blockBytes
}

/** As df has it: of what others than root may use, rounded up. */
export function usedPercent({ blocks, free, available }: DiskBlocks): number {
  const used = blocks - free
  const usable = used + available
  return usable === 0 ? 0 : Math.ceil((100 * used) / usable)
}

/** The operating system's numbers for the file system that a path is on. */
export async function statfsBlocks(path: string): Promise<DiskBlocks> {
  const found = await statfs(path)
  // Blocks are counted in fragments where the system knows them.
  const { frsize } = found as { frsize?: number }
  const blockBytes = frsize === undefined || frsize === 0 ? found.bsize : frsize
  return { blockBytes, blocks: found.blocks, free: found.bfree, available: found.bavail }
}

function cpuNow(proc: string): HealthSample['cpu'] {
  const text = textOf(join(proc, 'loadavg'))
  const load = text === undefined ? (process.platform === 'linux' ? undefined : loadavg()) : parseLoad(text)
  if (load === undefined) return undefined
  const num = countCpus(textOf(join(proc, 'stat')))
  return {
    num,
    load: load.map((value) => value.toFixed(2)).join(', '),
    // Existing dashboards compare it with the number of processors: it is the average of 5 minutes without its fraction.
    cpu5min: Math.floor(load[1] ?? 0),
  }
}

function countCpus(stat: string | undefined): number {
  const found = stat?.match(/^cpu\d+ /gm)?.length ?? 0
  return found > 0 ? found : Math.max(1, systemCpus().length)
}

/** Files of /proc have no size: they are read to their end at once. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
