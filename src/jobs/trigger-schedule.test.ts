import { describe, expect, test } from 'bun:test'
import { parseSchedule, type TriggerType } from './trigger-schedule.ts'

const created = Date.parse('2026-01-15T10:00:00Z')
const times = (type: TriggerType, text: string, from: string, count: number, zone = 'UTC', seed = 'seed') => {
  const schedule = parseSchedule(type, text, { seed, zone })
  const found: string[] = []
  let at: number | undefined = Date.parse(from)
  while (found.length < count && at !== undefined) {
    at = schedule?.next(at, created)
    if (at !== undefined) found.push(new Date(at).toISOString().replace('.000Z', 'Z'))
  }
  return found
}

test.each<[TriggerType, string, string, string[]]>([
  ['@at', '2026-02-01T00:00:00Z', '2026-01-15T10:00:00Z', ['2026-02-01T00:00:00Z']],
  ['@at', '2026-02-01T02:00:00+02:00', '2026-02-01T12:00:00Z', ['2026-02-01T00:00:00Z']],
  ['@at', '2026-02-01T00:00:00Z', '2026-02-03T00:00:00Z', []],
  ['@in', '1h30m', '2026-01-15T10:00:00Z', ['2026-01-15T11:30:00Z']],
  ['@every', '1h30m', '2026-01-15T10:00:00Z', ['2026-01-15T11:30:00Z', '2026-01-15T13:00:00Z']],
  ['@every', '1h30m', '2026-01-15T20:01:00Z', ['2026-01-15T20:30:00Z', '2026-01-15T22:00:00Z']],
  ['@every', '0s', '2026-01-15T10:00:00Z', ['2026-01-15T10:00:01Z', '2026-01-15T10:00:02Z']],
  ['@cron', '0 30 3 * * *', '2026-01-15T10:00:00Z', ['2026-01-16T03:30:00Z', '2026-01-17T03:30:00Z']],
  ['@cron', '30 3 * * *', '2026-01-15T10:00:00Z', ['2026-01-16T03:30:00Z']],
  ['@cron', '0 0/20 * * * *', '2026-01-15T10:00:00Z', ['2026-01-15T10:20:00Z', '2026-01-15T10:40:00Z']],
  ['@cron', '0 0 9 ? * MON-FRI', '2026-01-16T10:00:00Z', ['2026-01-19T09:00:00Z']],
  ['@cron', '@midnight', '2026-01-15T10:00:00Z', ['2026-01-16T00:00:00Z']],
  ['@cron', '@every 2h', '2026-01-15T10:00:00Z', ['2026-01-15T12:00:00Z']],
  ['@event', 'io.cozy.files:CREATED', '2026-01-15T10:00:00Z', []],
  ['@webhook', '', '2026-01-15T10:00:00Z', []],
])('%s %s from %s on is due at %p', (type, text, from, expected) => {
  expect(times(type, text, from, Math.max(1, expected.length))).toEqual(expected)
})

describe('a cron trigger across a change of the clock', () => {
  const paris = (text: string, from: string, count: number) => times('@cron', text, from, count, 'Europe/Paris')

  test('in spring, a time that does not exist is the first moment after the gap', () => {
    expect(paris('0 30 2 * * *', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:00:00Z',
      '2026-03-30T00:30:00Z',
    ])
  })

  test('in autumn, an hour that comes twice fires once', () => {
    expect(paris('0 30 2 * * *', '2026-10-24T00:00:00Z', 3)).toEqual([
      '2026-10-24T00:30:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-26T01:30:00Z',
    ])
  })
})

describe('some moment of a period', () => {
  test.each<[TriggerType, string, (date: Date) => boolean, number]>([
    ['@hourly', '', () => true, 3_600_000],
    ['@daily', 'between 2am and 5am', (date) => date.getUTCHours() >= 2 && date.getUTCHours() < 5, 86_400_000],
    ['@daily', 'before 1am', (date) => date.getUTCHours() === 0, 86_400_000],
    ['@daily', 'after 11pm', (date) => date.getUTCHours() === 23, 86_400_000],
    ['@weekly', 'on monday between 2am and 3am', (date) => date.getUTCDay() === 1, 7 * 86_400_000],
    ['@weekly', 'on fri-sun', (date) => [5, 6, 0].includes(date.getUTCDay()), 7 * 86_400_000],
  ])('%s %s lies within what was asked for and comes back', (type, text, fits, periodMs) => {
    for (const seed of ['a', 'b', 'c', 'd']) {
      const found = times(type, text, '2026-01-15T10:00:00Z', 3, 'UTC', seed)
      expect(found.map((at) => fits(new Date(at)))).toEqual([true, true, true])
      const gaps = found.slice(1).map((at, n) => Date.parse(at) - Date.parse(found[n] ?? ''))
      expect(gaps).toEqual([periodMs, periodMs])
      expect(times(type, text, '2026-01-15T10:00:00Z', 3, 'UTC', seed)).toEqual(found)
    }
  })

  test('of a month: one of the days, the same every month', () => {
    for (const seed of ['a', 'b', 'c', 'd']) {
      const found = times('@monthly', 'on the 2-5,22 between 5pm and 7pm', '2026-01-31T00:00:00Z', 4, 'UTC', seed)
      expect(new Set(found.map((at) => at.slice(7))).size).toBe(1)
      expect([2, 3, 4, 5, 22]).toContain(new Date(found[0] ?? '').getUTCDate())
      expect([17, 18]).toContain(new Date(found[0] ?? '').getUTCHours())
    }
  })

  test('different triggers are spread', () => {
    const found = Array.from({ length: 20 }, (_, n) => times('@daily', '', '2026-01-15T00:00:00Z', 1, 'UTC', `${n}`)[0])
    expect(new Set(found).size).toBeGreaterThan(15)
  })
})

test.each<[TriggerType, string]>([
  ['@at', '2035-01-01'],
  ['@at', 'nonsense'],
  ['@in', '10'],
  ['@every', ''],
  ['@cron', ''],
  ['@cron', '* * *'],
  ['@cron', '61 0 0 * * *'],
  ['@cron', '0 0 0 0 * *'],
  ['@hourly', 'nonsense'],
  ['@daily', 'between 5am and 2am'],
  ['@daily', 'on monday'],
  ['@weekly', 'on funday'],
  ['@monthly', 'on the 32'],
  ['@event', ''],
  ['@event', 'not a doctype!'],
  ['@event', 'io.cozy.rr:CREATED:a:b:c'],
])('%s %p cannot be read', (type, text) => {
  expect(parseSchedule(type, text, { seed: '' })).toBeUndefined()
})
