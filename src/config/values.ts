/** The kinds of values that settings take. Each accepts the text of a variable or flag as well as a YAML value. */
import { z } from 'zod'

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}
const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

/** What a value may be, in words, for error messages and the reference. Set by every kind below. */
export const allowedText = z.registry<{ readonly allowed: string }>()

/** True, false. Texts: `true`, `false`, `1`, `0`, `yes`, `no`. */
export function flag() {
  const texts: Readonly<Record<string, boolean>> = { true: true, 1: true, yes: true, false: false, 0: false, no: false }
  const schema = z.preprocess((input) => texts[String(input).toLowerCase()] ?? input, z.boolean())
  return schema.register(allowedText, { allowed: 'true or false' })
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number) {
  const schema = z.preprocess(decimal, z.number().int().min(min).max(max))
  return schema.register(allowedText, { allowed: `a whole number from ${min} to ${max}` })
}

/** A listener's port; `0` takes a free one, `off` opens none. */
export function port() {
  const schema = z.preprocess(portValue, z.union([z.literal('off'), z.number().int().min(0).max(65_535)]))
  return schema.register(allowedText, { allowed: 'a port from 1 to 65535, 0 for a free one, or off' })
}

/** A number of bytes: plain, or with KB, MB, GB, KiB, MiB, GiB. */
export function bytes(min: number, max: number) {
  const schema = z.preprocess(
    (input) => scaled(input, /^(\d+(?:\.\d+)?) ?([kmg]i?b)?$/i, unitBytes),
    z.number().int().min(min).max(max),
  )
  return schema.register(allowedText, { allowed: `a size from ${min} to ${max} bytes such as 8000000, 64MiB or 1GB` })
}

/** A time span in seconds: `30m`, `12h`, `90s`, `7d`, or a plain number of seconds. */
export function seconds(min: number) {
  const schema = z.preprocess(
    (input) => scaled(input, /^(\d+(?:\.\d+)?) ?([smhd])?$/i, unitSeconds),
    z.number().min(min),
  )
  return schema.register(allowedText, { allowed: `a time span of at least ${min} s such as 90s, 30m, 12h or 7d` })
}

/** A non-empty text. `allowed` says which. */
export function text(allowed: string, pattern = /^[^\0\r\n]+$/) {
  return z.string().regex(pattern).register(allowedText, { allowed })
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words).register(allowedText, { allowed: `one of ${words.join(', ')}` })
}

/** One of a few numbers. */
export function oneOfNumbers<const Numbers extends readonly [number, ...number[]]>(numbers: Numbers) {
  const schema = z.preprocess(decimal, z.literal(numbers))
  return schema.register(allowedText, { allowed: `one of ${numbers.join(', ')}` })
}

/** A text of digits as the number that it is; everything else as it came. */
export function decimal(input: unknown): unknown {
  return typeof input === 'string' && /^\d{1,15}$/.test(input) ? Number(input) : input
}

/** YAML 1.1 habits: `off` may arrive as `false`. */
function portValue(input: unknown): unknown {
  return input === false ? 'off' : decimal(input)
}

function scaled(input: unknown, pattern: RegExp, units: Readonly<Record<string, number>>): unknown {
  const found = typeof input === 'string' ? pattern.exec(input) : null
  const unit = found && units[(found[2] ?? '').toLowerCase()]
  return unit ? Number(found[1]) * unit : input
}
