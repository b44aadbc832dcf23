/** Durations as the admin API takes them: `30m`, `1h30m`, `1.5h`, `-1s`. */
const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
}

/** One way only to read the digits: where no unit follows, the time it takes must not grow with the square of them. */
const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/** The longest duration that Go can hold: 292 years. Seconds. */
const longest = 2 ** 63 / 1e9

/** Seconds of a duration, possibly negative; `undefined` when it is none, or longer than 292 years. */
export function durationSeconds(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1
  const digits = text.replace(/^[-+]/, '')
  if (digits === '0') return 0
  let total = 0
  part.lastIndex = 0
  while (part.lastIndex < digits.length) {
    const match = part.exec(digits)
    if (match === null) return undefined
    total += Number(match[1]) * (unitSeconds[match[2] ?? ''] ?? Number.NaN)
  }
  return digits === '' || !(total < longest) ? undefined : sign * total
}
