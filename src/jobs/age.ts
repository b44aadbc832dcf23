/** Ages such as `30D` or `2W12h`: days, weeks, months of 30 days and years before the usual units. */
import { durationSeconds } from '../instances/duration.ts'

const longUnits: Readonly<Record<string, number>> = { D: 86_400, W: 7 * 86_400, M: 30 * 86_400, Y: 365 * 86_400 }

/** `undefined` for what is not an age. */
export function ageSeconds(text: string): number | undefined {
  const [, long = '', rest = ''] = /^((?:\d+[DWMY])*)(.*)$/.exec(text) ?? []
  const seconds = rest === '' && long !== '' ? 0 : durationSeconds(rest)
  if (seconds === undefined || seconds < 0) return undefined
  return [...long.matchAll(/(\d+)([DWMY])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (longUnits[unit ?? ''] ?? 0),
    seconds,
  )
}
