/** Everything that can be measured on the machine. Each part is independent: what cannot be measured is `null`. */
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileSystem } from './file-systems.ts'
import { parseMeminfo, parseNamed, parsePressure, parseProcess } from './proc.ts'
import type { Sampler } from './sampler.ts'

export interface DetailOptions {
  readonly proc: string
  readonly sys: string
  readonly sampler: Sampler
  readonly fileSystems: () => Promise<FileSystem[]>
}

const topCount = 5
const pageBytes = 4096

/** Opens the measuring of details. */
export function newDetail({ proc, sys, sampler, fileSystems }: DetailOptions): () => Promise<object> {
  const topProcesses = newProcessList(proc)
  return async () => {
    sampler.start()
    const [filesystems, processes] = await Promise.all([
      fileSystems().catch(() => null),
      topProcesses().catch(() => null),
    ])
    const part = <T>(measure: () => T): T | null => {
      try {
        return measure() ?? null
      } catch {
        return null
      }
    }
    return {
      time: new Date().toISOString(),
      uptime_s: part(() => Math.floor(Number(text(join(proc, 'uptime')).split(' ')[0]))),
      boot_id: part(() => text(join(proc, 'sys/kernel/random/boot_id')).trim()),
      cpu_usage: part(() => sampler.cpuUse()),
      memory_detail: part(() => memoryDetail(proc)),
      pressure: part(() => pressureOf(proc)),
      temperature: part(() => temperatures(sys)),
      filesystems,
      disks: part(() => sampler.diskRates()),
      network: part(() => networkOf(sys, sampler)),
      processes,
      limits: part(() => limitsOf(sys)),
    }
  }
}

function memoryDetail(proc: string): object {
  const known = parseMeminfo(text(join(proc, 'meminfo')))
  const value = (name: string) => known.get(name) ?? null
  const vmstat = parseNamed(textOr(join(proc, 'vmstat')))
  return {
    free: value('MemFree'),
    available: value('MemAvailable'),
    buffers: value('Buffers'),
    cached: (known.get('Cached') ?? 0) + (known.get('SReclaimable') ?? 0),
    shmem: value('Shmem'),
    swap_total: value('SwapTotal'),
    swap_used: (known.get('SwapTotal') ?? 0) - (known.get('SwapFree') ?? 0),
    dirty: value('Dirty'),
    hugepages: value('HugePages_Total'),
    oom_kills: vmstat.get('oom_kill') ?? null,
  }
}

/** Kernels before 4.20, and those with it turned off, have none: the file is missing or cannot be read. */
function pressureOf(proc: string): object | null {
  const found = Object.fromEntries(
    ['cpu', 'io', 'memory', 'irq'].map((name) => [name, parsePressure(textOr(join(proc, 'pressure', name)))]),
  )
  return Object.values(found).every((value) => value === null) ? null : found
}

interface Temperature {
  readonly sensor: string
  readonly celsius: number
}

/** Sensors that cannot be read, as those of a sleeping device, are left out. */
function temperatures(sys: string): Temperature[] {
  const found: Temperature[] = []
  const add = (sensor: string, file: string) => {
    const digits = textOr(file).trim()
    if (/^-?\d+$/.test(digits)) found.push({ sensor, celsius: Number(digits) / 1000 })
  }
  for (const zone of names(join(sys, 'class/thermal'))) {
    if (!zone.startsWith('thermal_zone')) continue
    const folder = join(sys, 'class/thermal', zone)
    add(textOr(join(folder, 'type')).trim() || zone, join(folder, 'temp'))
  }
  for (const chip of names(join(sys, 'class/hwmon'))) {
    const folder = join(sys, 'class/hwmon', chip)
    const chipName = textOr(join(folder, 'name')).trim() || chip
    for (const file of names(folder).filter((name) => /^temp\d+_input$/.test(name))) {
      const label = textOr(join(folder, file.replace('_input', '_label'))).trim()
      add(`${chipName} ${label || file.replace('_input', '')}`, join(folder, file))
    }
  }
  return found
}

function networkOf(sys: string, sampler: Sampler): object {
  const rates = sampler.networkRates() ?? {}
  const found: Record<string, object> = {}
  for (const [name, counters] of sampler.last().network ?? []) {
    const folder = join(sys, 'class/net', name)
    const speed = Number(textOr(join(folder, 'speed')).trim() || 'NaN')
    found[name] = {
      received_bytes: counters.receivedBytes,
      sent_bytes: counters.sentBytes,
      receive_errors: counters.receiveErrors,
      send_errors: counters.sendErrors,
      state: textOr(join(folder, 'operstate')).trim() || null,
      speed_mbit: Number.isFinite(speed) && speed > 0 ? speed : null,
      ...rates[name],
    }
  }
  return found
}

/** What the control group of this process may use; `null` where nothing limits it. */
function limitsOf(sys: string): object | null {
  const folder = join(sys, 'fs/cgroup')
  const [max, current] = ['memory.max', 'memory.current'].map((name) => textOr(join(folder, name)).trim())
  const [quota, period] = textOr(join(folder, 'cpu.max')).trim().split(' ')
  const cpus = quota === undefined || quota === '' || quota === 'max' ? null : Number(quota) / Number(period ?? 100_000)
  const memory_max = max === undefined || max === '' || max === 'max' ? null : Number(max)
  if (memory_max === null && cpus === null) return null
  return { memory_max, memory_current: current ? Number(current) : null, cpus }
}

/** Names and numbers only: a command line may hold secrets. */
function newProcessList(proc: string): () => Promise<object> {
  let before = new Map<string, number>()
  return async () => {
    const ticks = new Map<string, number>()
    const found: { pid: number; name: string; cpu_ticks: number; memory: number }[] = []
    let [running, blocked] = [0, 0]
    for (const pid of names(proc).filter((name) => /^\d+$/.test(name))) {
      // A process may be gone before it is read.
      const stat = parseProcess(await readFile(join(proc, pid, 'stat'), 'latin1').catch(() => ''))
      if (stat === undefined) continue
      if (stat.state === 'R') running += 1
      if (stat.state === 'D') blocked += 1
      const statm = (await readFile(join(proc, pid, 'statm'), 'latin1').catch(() => '')).split(' ')
      const key = `${pid} ${stat.name}`
      ticks.set(key, stat.ticks)
      found.push({
        pid: Number(pid),
        name: stat.name,
        cpu_ticks: Math.max(0, stat.ticks - (before.get(key) ?? stat.ticks)),
        memory: Number(statm[1] ?? 0) * pageBytes,
      })
    }
    before = ticks
    found.sort((one, other) => other.cpu_ticks - one.cpu_ticks || other.memory - one.memory)
    return { count: found.length, running, blocked, top: found.slice(0, topCount) }
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function text(path: string): string {
  return readFileSync(path, 'latin1')
}

function textOr(path: string): string {
  try {
    return text(path)
  } catch {
    return ''
  }
}
