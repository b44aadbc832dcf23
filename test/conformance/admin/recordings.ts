/** What a real cozy-stack answered on its admin API, to jobs and to moves: one line a step, in scenarios. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '../../../src/model/json/value.ts'

export const areas = ['admin', 'checks', 'jobs', 'mismatch', 'move', 'objects'] as const
export type Area = (typeof areas)[number]

/** A way that answers are made comparable: a name, or an object with an argument. */
export type Norm = string | Readonly<Record<string, Json>>

/** Another answer that is accepted, with the reason. */
export interface Alternative {
  readonly st: readonly number[]
  readonly why: string
  /** `any`, `same` as recorded, or a body. */
  readonly e?: Json
}

type Where = readonly [kind: string, argument: Json]

export interface Step {
  readonly j: number
  readonly k:
    | 'req'
    | 'instance'
    | 'token'
    | 'login'
    | 'passhash'
    | 'set'
    | 'raw'
    | 'blob'
    | 'mail'
    | 'calls'
    | 'route'
    | 'ws'
  readonly setup?: boolean
  readonly note?: string
  readonly sleep?: number
  readonly norm?: readonly Norm[]
  readonly cap?: Readonly<Record<string, Where>>
  // Requests.
  readonly l?: string
  readonly m?: string
  readonly p?: string
  readonly q?: readonly (readonly [string, string])[]
  readonly h?: Readonly<Record<string, string>>
  readonly host?: string
  readonly auth?: string | null
  readonly jar?: string
  readonly raw?: string
  readonly gen?: Readonly<Record<string, Json>>
  readonly b64?: string
  readonly form?: Readonly<Record<string, string>>
  readonly b?: Json
  readonly until?: Readonly<Record<string, Json>>
  readonly has?: readonly string[]
  readonly lacks?: readonly string[]
  readonly hd?: readonly string[]
  readonly anyloc?: boolean
  readonly anyct?: boolean
  // Instances, tokens, log-ins.
  readonly letter?: string
  readonly fixed?: string | null
  readonly bare?: boolean
  readonly opts?: Readonly<Record<string, string | null>>
  readonly inst?: string
  readonly aud?: string
  readonly scope?: string
  readonly sub?: string | null
  readonly as?: string
  readonly password?: string
  readonly iterations?: number
  readonly value?: string
  readonly learn?: boolean
  // Documents and contents behind the server's back, mails, calls of other servers, websockets.
  readonly op?: string
  readonly doctype?: string
  readonly id?: string
  readonly doc?: Json
  readonly see?: Json
  readonly path?: string
  readonly file?: string
  readonly object?: string
  readonly to?: string
  readonly match?: string
  readonly max?: number
  readonly none?: boolean
  readonly show?: Readonly<Record<string, string>>
  readonly wait?: number
  readonly code?: number
  readonly ct?: string
  readonly text?: string
  readonly proto?: string
  readonly send?: readonly Json[]
  readonly n?: number
  // What was recorded.
  readonly st: number
  readonly e?: Json
  readonly hd_real?: Readonly<Record<string, string>>
  readonly alt?: readonly Alternative[]
  /** The recorded answer is wrong: another one is expected. */
  readonly realbug?: Json
  /** The recorded 500 is right. */
  readonly real500?: Json
}

export interface Scenario {
  readonly name: string
  readonly needs: readonly string[]
  readonly steps: readonly Step[]
}

export const folder = import.meta.dirname

export function loadScenarios(area: Area): readonly Scenario[] {
  const scenarios: { name: string; needs: readonly string[]; steps: Step[] }[] = []
  for (const line of readFileSync(join(folder, `${area}.jsonl`), 'utf8').split('\n')) {
    if (line === '') continue
    const row = JSON.parse(line)
    if (row.head) scenarios.push({ name: row.sc, needs: row.needs ?? [], steps: [] })
    else scenarios.at(-1)?.steps.push(row as Step)
  }
  return scenarios
}
