/** Tables of a benchmark, in Markdown so that they go into the README as they are. */
import type { LoadResult } from './load.ts'

export interface Measured {
  readonly what: string
  readonly bare: LoadResult
  readonly hearth: LoadResult
  /** The ratio to reach. */
  readonly target: number | undefined
}

export function table(rows: readonly Measured[]): string {
  const lines = rows.map(({ what, bare, hearth, target }) => {
    const ratio = hearth.perSecond / bare.perSecond
    const goal = target === undefined ? '' : `${target} ${ratio >= target ? 'met' : 'missed'}`
    return `| ${what} | ${count(bare.perSecond)}/s | ${count(hearth.perSecond)}/s | ${ratio.toFixed(2)} | ${goal} | ${hearth.p50Ms.toFixed(2)} / ${hearth.p99Ms.toFixed(2)} ms |`
  })
  return ['| | floor | Hearth | ratio | target | Hearth p50 / p99 |', '|---|---|---|---|---|---|', ...lines].join('\n')
}

/** Rates of Hearth and of a peer over several turns each. */
export interface Beside {
  readonly what: string
  readonly unit: string
  readonly hearth: readonly number[]
  readonly peer: readonly number[]
  /** The ratio of the medians to reach. */
  readonly target: number
}

export function besideTable(rows: readonly Beside[], peerName: string): string {
  const rates = (all: readonly number[]) =>
    `${count(median(all))} (${count(Math.min(...all))}–${count(Math.max(...all))})`
  const lines = rows.map(({ what, unit, hearth, peer, target }) => {
    const ratio = median(hearth) / median(peer)
    const goal = `${target} ${ratio >= target ? 'met' : 'missed'}`
    return `| ${what}, ${unit}/s | ${rates(peer)} | ${rates(hearth)} | ${ratio.toFixed(1)} | ${goal} |`
  })
  return [`| | ${peerName} | Hearth | ratio | target |`, '|---|---|---|---|---|', ...lines].join('\n')
}

export function count(n: number): string {
  return Math.round(n).toLocaleString('en')
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** The run with the median rate, with the errors of all. */
export function middle(runs: readonly LoadResult[]): LoadResult {
  const sorted = [...runs].sort((a, b) => a.perSecond - b.perSecond)
  const chosen = sorted[Math.floor(sorted.length / 2)]
  if (chosen === undefined) throw new Error('nothing was measured')
  const failed = runs.find((run) => run.errors > 0)
  return { ...chosen, errors: runs.reduce((sum, run) => sum + run.errors, 0), firstError: failed?.firstError }
}
