/**
 * What the statistics of an entry say. All entries run in one process, so processor and memory are that process's: what a
 * single one of them took cannot be told apart.
 */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { Stats } from './commands.ts'

interface Sample {
  readonly atMs: number
  readonly cpuUs: number
}

/** Numbers of the process since the last call; the first one says 0 % of the processor. */
export class ProcessStats {
  #last: Sample | undefined

  of(startedMs: number, nowMs: number): Stats {
    const { user, system } = process.cpuUsage()
    const sample = { atMs: performance.now(), cpuUs: user + system }
    const last = this.#last
    this.#last = sample
    const rss = process.memoryUsage.rss()
    const spentMs = last === undefined ? 0 : sample.atMs - last.atMs
    const cpu = last === undefined || spentMs <= 0 ? 0 : (sample.cpuUs - last.cpuUs) / 1_000 / spentMs
    return {
      age: (nowMs - startedMs) / 1_000,
      cpu: Math.round(cpu * 1_000) / 10,
      create_time: Math.floor(startedMs / 10) / 100,
      ctime: minutes(sample.cpuUs / 1_000_000),
      mem: Math.round((rss / totalmem()) * 1_000) / 10,
      mem_info1: inLargestUnit(rss),
      mem_info2: virtualSize(),
      started: startedMs / 1_000,
    }
  }
}

/** `0:00.19`: minutes without bound, seconds and hundredths. */
export function minutes(seconds: number): string {
  const hundredths = Math.floor(seconds * 100)
  const rest = hundredths % 6_000
  const text = (rest / 100).toFixed(2).padStart(5, '0')
  return `${Math.floor(hundredths / 6_000)}:${text}`
}

/** `18M`: whole numbers of the largest unit of which there is at least one. */
export function inLargestUnit(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T', 'P']
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${Math.floor(value)}${units[unit]}`
}

function virtualSize(): string {
  try {
    const kilobytes = /^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return kilobytes === undefined ? 'N/A' : inLargestUnit(Number(kilobytes) * 1024)
  } catch {
    return 'N/A'
  }
}
