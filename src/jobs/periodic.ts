/**
 * `@hourly`, `@daily`, `@weekly` and `@monthly`: some moment of the hour, day, week or month in UTC, within what the text
 * allows (`on the 2-5,22 between 5pm and 7pm`). A seed chooses the moment: always the same for one trigger, but spread over all triggers.
 */
import { createHash } from 'node:crypto'

export type Period = 'hourly' | 'daily' | 'weekly' | 'monthly'

export interface Periodic {
  /** The first moment after a time, both in milliseconds since 1970. */
  next(afterMs: number): number
}

interface Wish {
  readonly days: readonly number[] | undefined
  /** Hours of the day, `until` not included. */
  readonly from: number
  readonly until: number
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const

/** `undefined` when the text is none. An empty text allows every moment. */
export function parsePeriodic(period: Period, text: string, seed: string): Periodic | undefined {
  const words = text
    .trim()
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const wish = period === 'hourly' ? (words.length === 0 ? anyMoment : undefined) : parseWish(period, words)
  if (wish === undefined) return undefined
  const [first, second] = numbersOf(seed)
  if (period === 'hourly') {
    const offset = second % hourMs
    return { next: (afterMs) => firstAfter(afterMs, Math.floor(afterMs / hourMs) * hourMs + offset, hourMs) }
  }
  const inDay = wish.from * hourMs + ((Math.floor(second / 1000) * 1000) % ((wish.until - wish.from) * hourMs))
  const isDay = dayChooser(period, wish.days, first)
  return {
    next(afterMs) {
      let day = Math.floor(afterMs / dayMs) * dayMs
      while (!isDay(new Date(day)) || day + inDay <= afterMs) day += dayMs
      return day + inDay
    },
  }
}

const anyMoment: Wish = { days: undefined, from: 0, until: 24 }

function parseWish(period: Period, words: readonly string[]): Wish | undefined {
  const rest = [...words]
  let wish = anyMoment
  if (rest[0] === 'on') {
    rest.shift()
    if (rest.at(0) === 'the') rest.shift()
    const days = daysOf(period, rest.shift() ?? '')
    if (days === undefined) return undefined
    wish = { ...wish, days }
  }
  const hours = hoursOf(rest)
  return hours && { ...wish, ...hours }
}

function hoursOf(words: readonly string[]): Pick<Wish, 'from' | 'until'> | undefined {
  const [word, first = '', and, second = ''] = words
  if (word === undefined) return { from: 0, until: 24 }
  let [from, until]: [number | undefined, number | undefined] = [0, 24]
  if (word === 'before' && words.length === 2) until = hourOf(first)
  else if (word === 'after' && words.length === 2) from = hourOf(first)
  else if (word === 'between' && and === 'and' && words.length === 4) [from, until] = [hourOf(first), hourOf(second)]
  else return undefined
  return from === undefined || until === undefined || from >= until ? undefined : { from, until }
}

/** `5am`, `12pm`, `17`. */
function hourOf(text: string): number | undefined {
  const [, digits, half] = /^(\d{1,2})(am|pm)?$/.exec(text) ?? []
  if (digits === undefined) return undefined
  const hour = Number(digits)
  if (half === undefined) return hour <= 24 ? hour : undefined
  if (hour < 1 || hour > 12) return undefined
  return (hour % 12) + (half === 'pm' ? 12 : 0)
}

function daysOf(period: Period, text: string): readonly number[] | undefined {
  if (period === 'daily' || text === '') return undefined
  const day = period === 'weekly' ? weekdayOf : monthDayOf
  const days: number[] = []
  for (const part of text.split(',')) {
    if (period === 'weekly' && part === 'weekend') days.push(0, 6)
    else if (period === 'weekly' && (part === 'weekday' || part === 'weekdays')) days.push(1, 2, 3, 4, 5)
    else {
      const ends = part.split('-')
      const [from, until] = [day(ends[0] ?? ''), day(ends.at(-1) ?? '')]
      if (from === undefined || until === undefined || ends.length > 2) return undefined
      if (period === 'monthly' && from > until) return undefined
      const size = period === 'weekly' ? 7 : 32
      for (let at = from; ; at = (at + 1) % size) {
        days.push(at)
        if (at === until) break
      }
    }
  }
  return days
}

function weekdayOf(text: string): number | undefined {
  const singular = text.replace(/s$/, '')
  const at = weekdays.findIndex((name) => name === text || name === singular || name.slice(0, 3) === text)
  return at < 0 ? undefined : at
}

function monthDayOf(text: string): number | undefined {
  const [, digits] = /^(\d{1,2})(?:st|nd|rd|th)?$/.exec(text) ?? []
  const day = Number(digits)
  return day >= 1 && day <= 31 ? day : undefined
}

/** Without days of their own, months have 28. */
function dayChooser(period: Period, days: readonly number[] | undefined, number: number): (date: Date) => boolean {
  if (period === 'daily') return () => true
  const choice =
    days ?? Array.from({ length: period === 'weekly' ? 7 : 28 }, (_, n) => n + (period === 'weekly' ? 0 : 1))
  const chosen = choice[number % choice.length]
  return period === 'weekly' ? (date) => date.getUTCDay() === chosen : (date) => date.getUTCDate() === chosen
}

function firstAfter(afterMs: number, moment: number, step: number): number {
  return moment > afterMs ? moment : moment + step
}

function numbersOf(seed: string): [number, number] {
  const bytes = createHash('sha256').update(seed).digest()
  return [bytes.readUInt32BE(0), bytes.readUIntBE(4, 6)]
}
