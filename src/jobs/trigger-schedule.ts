/** When triggers of each type are due. */
import { Cron } from 'croner'
import { durationSeconds } from '../instances/duration.ts'
import { parseEventRules } from './event-rule.ts'
import { type Period, parsePeriodic } from './periodic.ts'

export const triggerTypes = [
  '@at',
  '@in',
  '@every',
  '@cron',
  '@hourly',
  '@daily',
  '@weekly',
  '@monthly',
  '@event',
  '@webhook',
  '@client',
] as const
export type TriggerType = (typeof triggerTypes)[number]

export function isTriggerType(text: string): text is TriggerType {
  return (triggerTypes as readonly string[]).includes(text)
}

/** Times in milliseconds since 1970. */
export interface Schedule {
  /** Its trigger is removed after firing. */
  readonly once: boolean
  /** The first moment after a time; `undefined`: there is none. `createdMs`: when the trigger was made. */
  next(afterMs: number, createdMs: number): number | undefined
}

/** A single moment that is missed by more than this is skipped. */
const lateMs = 24 * 3_600_000
const leastIntervalMs = 1_000

const never: Schedule = { once: false, next: () => undefined }

/**
 * Reads what a trigger says. `undefined` when it cannot be read. `seed` chooses the moments of `@hourly` and the like;
 * `zone` is the time zone of `@cron`, by default the server's.
 */
export function parseSchedule(
  type: TriggerType,
  text: string,
  { seed, zone }: { readonly seed: string; readonly zone?: string | undefined },
): Schedule | undefined {
  switch (type) {
    case '@at':
      return at(text)
    case '@in': {
      const seconds = durationSeconds(text)
      return seconds === undefined ? undefined : single((createdMs) => createdMs + seconds * 1000)
    }
    case '@every':
      return every(text)
    case '@cron':
      return cron(text, zone)
    case '@hourly':
    case '@daily':
    case '@weekly':
    case '@monthly': {
      const periodic = parsePeriodic(type.slice(1) as Period, text, seed)
      return periodic && { once: false, next: (afterMs) => periodic.next(afterMs) }
    }
    case '@event':
      return parseEventRules(text) === undefined ? undefined : never
    case '@webhook':
    case '@client':
      return never
  }
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

function at(text: string): Schedule | undefined {
  const moment = rfc3339.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(moment) ? undefined : single(() => moment)
}

function single(momentOf: (createdMs: number) => number): Schedule {
  return {
    once: true,
    next(afterMs, createdMs) {
      const moment = momentOf(createdMs)
      return moment > afterMs - lateMs ? moment : undefined
    },
  }
}

function every(text: string): Schedule | undefined {
  const seconds = durationSeconds(text)
  if (seconds === undefined) return undefined
  const interval = Math.max(leastIntervalMs, seconds * 1000)
  return {
    once: false,
    // In step with its making, however late one was.
    next: (afterMs, createdMs) =>
      createdMs + (Math.max(0, Math.floor((afterMs - createdMs) / interval)) + 1) * interval,
  }
}

function cron(text: string, zone: string | undefined): Schedule | undefined {
  const interval = /^@every\s+(.+)$/.exec(text)?.[1]
  if (interval !== undefined) return every(interval)
  try {
    const options = { paused: true, sloppyRanges: true, ...(zone === undefined ? {} : { timezone: zone }) }
    const pattern = new Cron(text, options)
    return { once: false, next: (afterMs) => pattern.nextRun(new Date(afterMs))?.getTime() }
  } catch {
    return undefined
  }
}
