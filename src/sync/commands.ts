/** Commands to the leading process. Commands and answers travel between processes as JSON. */
import { Problem, type ProblemCode } from '../model/errors.ts'
import type { Rule, RuleSet } from './engine/rules.ts'

export interface EntryGiven {
  readonly name: string
  readonly driver: string
  readonly options: Readonly<Record<string, unknown>>
}

export type Command =
  | { readonly kind: 'start' | 'stop' | 'restart' | 'stats' | 'scan' | 'confirm' | 'check'; readonly entry: string }
  | { readonly kind: 'create-entry' | 'change-entry'; readonly entry: EntryGiven; readonly trusted: boolean }
  | { readonly kind: 'remove-entry'; readonly entry: string }
  | {
      readonly kind: 'put-rules'
      readonly rules: readonly Rule[]
      readonly unsync?: RuleSet['unsync']
      readonly ifMatch: string | undefined
    }
  | { readonly kind: 'reload-rules'; readonly dryRun: boolean }
  | { readonly kind: 'status' }
  | { readonly kind: 'retry' | 'cancel'; readonly fid: string; readonly entry: string }
  | { readonly kind: 'resolve'; readonly fid: string; readonly keep: 'this' | 'other' | 'both' }
  | { readonly kind: 'restore' | 'purge'; readonly key: string }

/** Answers as they travel: a value, or a refusal. */
type Travelling =
  | { readonly value: unknown }
  | {
      readonly problem: {
        readonly code: ProblemCode
        readonly reason: string
        readonly status: number
        readonly headers: Readonly<Record<string, string>>
      }
    }

/** Runs `work` and turns its outcome into an answer. Failures other than Problems are thrown. */
export async function answerOf(work: () => Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify({ value: (await work()) ?? null } satisfies Travelling)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { code, reason, status, headers } = error
    return JSON.stringify({ problem: { code, reason, status, headers } } satisfies Travelling)
  }
}

/** The value of an answer. @throws Problem when it was a refusal */
export function readAnswer(answer: string): unknown {
  const read = JSON.parse(answer) as Travelling
  if ('value' in read) return read.value
  const { code, reason, status, headers } = read.problem
  throw new Problem(code, reason, { status, headers })
}

/** What one change of the rules would do. */
export interface Plan {
  readonly copies: number
  readonly bytes: number
  readonly releases: number
  /** Copies that go to the trash of their place. */
  readonly trashes: number
  readonly samples: readonly { readonly filename: string; readonly gains: string[]; readonly loses: string[] }[]
}

export interface EntryStatus {
  readonly name: string
  readonly driver: string
  readonly state: 'active' | 'stopped' | 'starting' | 'degraded' | 'held'
  readonly trouble: string
  readonly held: number
  readonly waiting: number
  readonly blocked: number
  /** Since the start of the process that leads. */
  readonly copiedFiles: number
  readonly copiedBytes: number
  /** What the last look at everything took; `null` before the first. */
  readonly scanSeconds: number | null
}

export interface EngineStatus {
  readonly entries: readonly EntryStatus[]
  readonly transfers: readonly {
    readonly entry: string
    readonly fid: string
    readonly filename: string
    readonly done: number
    readonly total: number
  }[]
}

export interface Stats {
  readonly age: number
  readonly cpu: number | 'N/A'
  readonly create_time: number
  readonly ctime: string
  readonly mem: number | 'N/A'
  readonly mem_info1: string
  readonly mem_info2: string
  readonly started: number
}
