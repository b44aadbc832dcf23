/** Tables of a benchmark, in Markdown so that they go into the README as they are. */
import type { Row, Beside as SideBeside } from './compare.ts'

/** One line for each comparison; columns only for the sides that were there. */
export function comparisonTable(rows: readonly Row[], hearth: string): string {
  const has = (name: 'before' | 'couchdb') => rows.some((row) => row[name] !== undefined)
  const besides = [...(has('before') ? (['before'] as const) : []), ...(has('couchdb') ? (['couchdb'] as const) : [])]
  const titles = { before: 'older Hearth, 1 worker', couchdb: 'CouchDB' }
  const heads = [
    '',
    'floor',
    hearth,
    'ratio',
    'target',
    ...besides.flatMap((name) => [titles[name], 'ratio']),
    'p50 / p99',
  ]
  const lines = rows.map((row) => {
    const { floor, latency } = row
    const goal =
      row.target === undefined || floor === undefined
        ? ''
        : `${row.target} ${floor.ratio >= row.target ? 'met' : 'missed'}`
    return [
      row.what,
      ...rateAndRatio(floor, () => rate(row.perSecond)),
      goal,
      ...besides.flatMap((name) => rateAndRatio(row[name])),
      latency === undefined ? '' : `${latency.p50Ms.toFixed(2)} / ${latency.p99Ms.toFixed(2)} ms`,
    ]
  })
  return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The rate of a side, perhaps another cell, and the ratio to it. */
function rateAndRatio(beside: SideBeside | undefined, between?: () => string): string[] {
  const cells = beside === undefined ? ['', ''] : [rate(beside.perSecond), beside.ratio.toFixed(2)]
  return between === undefined ? cells : [cells[0] ?? '', between(), cells[1] ?? '']
}

/** Slow things with a decimal. */
function rate(perSecond: number): string {
  return `${perSecond < 100 ? perSecond.toFixed(1) : count(perSecond)}/s`
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
