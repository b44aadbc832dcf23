/** The recorded answers of a real cozy-stack: one line a request, in scenarios that each begin with an instance of their own. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const surfaces = ['admin', 'data', 'files', 'realtime', 'settings'] as const
export type Surface = (typeof surfaces)[number]

/** One request, as recorded; names in `{{braces}}` stand for values of former answers. */
export interface Step {
  readonly sc: string
  readonly j: number
  readonly surface: Surface
  /** Method; `WS` plays a websocket script, `INJECT` damages stored bytes. */
  readonly m: string
  readonly p: string
  /** Token: `all`, `scope:...`, `lit:...`, `basic:...`, `expired:...`; `null` for none. */
  readonly tok?: string | null
  readonly h?: Readonly<Record<string, string | null>>
  readonly b?: unknown
  readonly raw?: string
  readonly bin64?: string
  readonly fill?: readonly [string, number]
  readonly chunked?: boolean
  readonly ja?: boolean
  readonly host?: string
  /** To the admin listener. */
  readonly adm?: string | boolean
  readonly auth?: string | null
  /** Values to keep: name to path in the body, `text`, or `h:header`. */
  readonly cap?: Readonly<Record<string, string>>
  readonly setup?: boolean
  readonly cors?: boolean
  readonly proto?: boolean
  readonly sleep?: number
  readonly only?: readonly string[]
  readonly norm?: readonly string[]
  readonly setkeys?: readonly string[]
  readonly script?: readonly (readonly unknown[])[]
  readonly inject?: 'cut' | 'remove' | 'orphan'
  readonly file?: string
  readonly size?: number
  /** Parameters of the instance; on the first step. */
  readonly params?: Readonly<Record<string, string>>
  readonly st: number
  readonly eh: Readonly<Record<string, string>>
  readonly e: unknown
}

/** A difference that is wanted: every member that is given must match. */
export interface Deviation {
  readonly reason: string
  readonly surface?: string
  readonly sc?: string
  readonly m?: string
  readonly p?: string
  readonly kind?: string
  readonly where?: string
  readonly want?: string
  readonly got?: string
}

const fileNamed = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8')

/** Scenarios in the order of their recording. The first line of a file names the reference. */
export function loadScenarios(): readonly (readonly Step[])[] {
  const scenarios = new Map<string, Step[]>()
  for (const surface of surfaces) {
    for (const line of fileNamed(`${surface}.jsonl`).split('\n').slice(1)) {
      if (line === '') continue
      const step = JSON.parse(line) as Step
      const steps = scenarios.get(step.sc) ?? []
      steps.push(step)
      scenarios.set(step.sc, steps)
    }
  }
  return [...scenarios.values()]
}

export function loadDeviations(): readonly Deviation[] {
  return JSON.parse(fileNamed('deviations.json')) as readonly Deviation[]
}

/** Rows that are answered otherwise than recorded, by name, each with the reason. */
export function loadOpenRows(): Readonly<Record<string, string>> {
  return JSON.parse(fileNamed('open-rows.json')) as Readonly<Record<string, string>>
}

export function nameOf({ sc, j }: Pick<Step, 'sc' | 'j'>): string {
  return `${sc}/${j}`
}
