/** Comparisons by turns, so that a busy moment of the machine hits all sides; the medians count. */
import type { HttpRequest, LoadResult } from './load.ts'
import type { Options } from './options.ts'
import { median } from './report.ts'
import { type DocumentSide, loadOn, type Sides } from './sides.ts'

export interface Comparison {
  readonly what: string
  readonly connections: number
  /** Ratio of Hearth's rate to the floor's that is to be reached. */
  readonly target?: number
  /** What the floor is asked; absent where it has nothing of the kind. */
  readonly floor?: readonly HttpRequest[]
  /** What a server of documents is asked. */
  readonly requests: (side: DocumentSide) => readonly HttpRequest[]
  /** Only these sides take part; without it all do. */
  readonly sides?: readonly DocumentSide[]
}

/** A rate, and how often Hearth's is that much: the median of the ratios of all turns. */
export interface Beside {
  readonly perSecond: number
  readonly ratio: number
}

/** One row of the report. */
export interface Row {
  readonly what: string
  readonly perSecond: number
  /** Of Hearth, where single requests were measured. */
  readonly latency?: { readonly p50Ms: number; readonly p99Ms: number }
  /** Ratio to the floor that is to be reached. */
  readonly target: number | undefined
  readonly floor: Beside | undefined
  readonly before: Beside | undefined
  readonly couchdb: Beside | undefined
}

/** Runs one comparison. Throws when Hearth or the floor answers anything but success. */
export async function compare(sides: Sides, options: Options, given: Comparison): Promise<Row> {
  const { turns, turnSeconds: seconds } = options
  const { connections, floor, requests } = given
  const taking = given.sides ?? sides.all
  const results = new Map<object, LoadResult[]>()
  const runs: [object, () => Promise<LoadResult>][] = taking.map((side) => {
    const asked = requests(side)
    return [side, () => loadOn(side, { connections, seconds, requests: asked })]
  })
  if (floor !== undefined) {
    runs.push([sides.floor, () => loadOn(sides.floor, { connections, seconds, requests: floor })])
  }
  // A turn that does not count: runtimes compile what is called often.
  for (const [, run] of runs) await run()
  for (let turn = 0; turn < turns; turn += 1) {
    // Whoever goes second finds a warmer machine: they change places.
    for (const [side, run] of turn % 2 === 0 ? runs : [...runs].reverse()) {
      const result = await run()
      if (result.errors > 0) throw new Error(`${given.what}: ${result.errors} answers were no success`)
      results.set(side, [...(results.get(side) ?? []), result])
    }
  }
  const ratesOf = (side: object | undefined) => results.get(side ?? {})?.map(({ perSecond }) => perSecond)
  const row = rowOf(given.what, given.target, sides, ratesOf)
  const own = results.get(sides.hearth) ?? []
  const [p50Ms, p99Ms] = [median(own.map((one) => one.p50Ms)), median(own.map((one) => one.p99Ms))]
  return { ...row, latency: { p50Ms, p99Ms } }
}

/** The row of what was measured in turns; `ratesOf` gives the rates of one side, in the order of the turns. */
export function rowOf(
  what: string,
  target: number | undefined,
  sides: Sides,
  ratesOf: (side: object | undefined) => readonly number[] | undefined,
): Row {
  const own = ratesOf(sides.hearth) ?? []
  const beside = (side: object | undefined): Beside | undefined => {
    const rates = ratesOf(side)
    if (rates === undefined) return undefined
    return { perSecond: median(rates), ratio: median(rates.map((rate, turn) => (own[turn] ?? 0) / rate)) }
  }
  return {
    what,
    target,
    perSecond: median(own),
    floor: beside(sides.floor),
    before: beside(sides.before),
    couchdb: beside(sides.couchdb),
  }
}
