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

const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/** Seconds of a duration, possibly negative; `undefined` when it is none. */
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
  return digits === '' || !Number.isFinite(total) ? undefined : sign * total
}
