/** Rates need two samples: this takes them periodically, once something that needs them was requested. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CpuTimes, type DiskCounters, type NetworkCounters, parseCpus, parseDisks, parseNetwork } from './proc.ts'

/** One look. */
export interface Look {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly cpus: ReadonlyMap<string, CpuTimes> | undefined
  readonly disks: ReadonlyMap<string, DiskCounters> | undefined
  readonly network: ReadonlyMap<string, NetworkCounters> | undefined
}

export interface CpuUse {
  readonly total: number
  readonly per_cpu: readonly number[]
  readonly iowait: number
  readonly steal: number
  /** Mean over the last minutes. */
  readonly busy5min: number
}

export interface Sampler {
  /** Begins to look, if it has not. */
  start(): void
  last(): Look
  /** In percent; `null` until there were two looks. */
  cpuUse(): CpuUse | null
  /** Per second; `null` until there were two looks. */
  diskRates(): Readonly<Record<string, object>> | null
  networkRates(): Readonly<Record<string, object>> | null
  stop(): void
}

const everyMs = 5_000
const keptUses = 60

/** Opens a sampler on a proc file system. `now` is monotonic milliseconds. */
export function newSampler(proc: string, now: () => number = () => performance.now()): Sampler {
  let before: Look | undefined
  let current: Look | undefined
  const uses: number[] = []
  let timer: ReturnType<typeof setInterval> | undefined

  function look(): Look {
    const next: Look = {
      at: now(),
      cpus: parsed(join(proc, 'stat'), parseCpus),
      disks: parsed(join(proc, 'diskstats'), parseDisks),
      network: parsed(join(proc, 'net/dev'), parseNetwork),
    }
    before = current
    current = next
    const all = busyBetween(before?.cpus?.get('cpu'), next.cpus?.get('cpu'))
    if (all !== undefined) uses.push(all.total)
    if (uses.length > keptUses) uses.shift()
    return next
  }

  const rates = <T>(kind: 'disks' | 'network', make: (one: T, other: T, seconds: number) => object) => {
    const [old, fresh] = [before?.[kind], current?.[kind]] as unknown as [
      ReadonlyMap<string, T>?,
      ReadonlyMap<string, T>?,
    ]
    if (before === undefined || current === undefined || old === undefined || fresh === undefined) return null
    const seconds = Math.max(0.001, (current.at - before.at) / 1000)
    const found: Record<string, object> = {}
    for (const [name, counters] of fresh) {
      const earlier = old.get(name)
      if (earlier !== undefined) found[name] = make(earlier, counters, seconds)
    }
    return found
  }
  const perSecond = (one: number, other: number, seconds: number) => Math.round(Math.max(0, other - one) / seconds)

  return {
    start() {
      if (timer !== undefined) return
      look()
      timer = setInterval(look, everyMs)
      timer.unref?.()
    },
    last: () => current ?? look(),
    cpuUse() {
      const all = busyBetween(before?.cpus?.get('cpu'), current?.cpus?.get('cpu'))
      if (all === undefined) return null
      const per_cpu = [...(current?.cpus ?? [])]
        .filter(([name]) => name !== 'cpu')
        .map(([name, times]) => busyBetween(before?.cpus?.get(name), times)?.total ?? 0)
      return { ...all, per_cpu, busy5min: rounded(uses.reduce((sum, use) => sum + use, 0) / Math.max(1, uses.length)) }
    },
    diskRates: () =>
      rates<DiskCounters>('disks', (one, other, seconds) => ({
        read_bytes_per_second: perSecond(one.readBytes, other.readBytes, seconds),
        written_bytes_per_second: perSecond(one.writtenBytes, other.writtenBytes, seconds),
        reads_per_second: perSecond(one.reads, other.reads, seconds),
        writes_per_second: perSecond(one.writes, other.writes, seconds),
        utilisation: rounded(Math.min(100, Math.max(0, other.busyMs - one.busyMs) / (seconds * 10))),
      })),
    networkRates: () =>
      rates<NetworkCounters>('network', (one, other, seconds) => ({
        received_bytes_per_second: perSecond(one.receivedBytes, other.receivedBytes, seconds),
        sent_bytes_per_second: perSecond(one.sentBytes, other.sentBytes, seconds),
      })),
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}

/** Counters may go back a little, as that of waiting does, and then nothing was done. */
function busyBetween(one: CpuTimes | undefined, other: CpuTimes | undefined) {
  if (one === undefined || other === undefined) return undefined
  const total = other.total - one.total
  if (total <= 0) return { total: 0, iowait: 0, steal: 0 }
  const share = (ticks: number) => rounded((100 * Math.max(0, ticks)) / total)
  const idle = Math.max(0, other.idle - one.idle) + Math.max(0, other.iowait - one.iowait)
  return { total: share(total - idle), iowait: share(other.iowait - one.iowait), steal: share(other.steal - one.steal) }
}

function parsed<T>(path: string, parse: (text: string) => T): T | undefined {
  try {
    return parse(readFileSync(path, 'latin1'))
  } catch {
    return undefined
  }
}

/** With one decimal. */
export function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
