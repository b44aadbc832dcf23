/** The checks that fields of uploaded settings have in common: which characters, and how many. */
import { Problem } from '../model/errors.ts'

const digits = '0123456789'
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Characters by what they are for. */
export const characters = {
  alphanumeric: digits + letters,
  address: '0123456789abcdefABCDEF.:',
  netmask: '0123456789abcdefABCDEF.:/',
  host: `${digits}${letters}.-`,
  hostAndPort: `${digits}${letters}.-:`,
  mountOptions: `${digits}${letters}.-=,`,
  share: `${digits}${letters}.-_/`,
  target: `${digits}${letters}.-_:`,
  port: `${digits}.-_/`,
  printable: Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).join(''),
} as const

export interface FieldRule {
  readonly required: boolean
  readonly characters: string
  readonly min: number
  readonly max: number
  /** A whole number is taken for the text that it is written as. */
  readonly orNumber?: boolean
}

/** A field of these characters and this length. */
export function field(set: keyof typeof characters, min: number, max: number, required = false): FieldRule {
  return { required, characters: characters[set], min, max }
}

export type Fields = Record<string, string>

/**
 * The known fields of an object in the order of the rules; others are dropped and named in `dropped`. Throws
 * `bad_request` that names the field and what it may be.
 */
export function checkFields(
  body: Readonly<Record<string, unknown>>,
  rules: Readonly<Record<string, FieldRule>>,
  dropped: string[],
): Fields {
  const fields: Fields = {}
  for (const [name, rule] of Object.entries(rules)) {
    const value = Object.hasOwn(body, name) ? body[name] : undefined
    if (value === undefined || value === null) {
      if (rule.required) throw wrongLength(name, rule)
      continue
    }
    fields[name] = checkText(name, rule.orNumber && Number.isInteger(value) ? String(value) : value, rule)
  }
  dropped.push(...Object.keys(body).filter((name) => !Object.hasOwn(rules, name)))
  return fields
}

/** A text that keeps a rule. Throws `bad_request` otherwise: for its characters first, then for its length. */
export function checkText(name: string, value: unknown, rule: FieldRule): string {
  if (typeof value !== 'string' || ![...value].every((char) => rule.characters.includes(char))) {
    throw new Problem('bad_request', `Missing or invalid string for option: ${name}. Allowed: ${rule.characters}`)
  }
  if (value.length < rule.min || value.length > rule.max) throw wrongLength(name, rule)
  return value
}

function wrongLength(name: string, { min, max }: FieldRule): Problem {
  return new Problem('bad_request', `Invalid string length for option: ${name}. Allowed: >= ${min} and <= ${max}`)
}
