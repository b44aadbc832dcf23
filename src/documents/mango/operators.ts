/** The operators of selectors and the arguments they take. */
import type { Json } from '../../model/json/value.ts'
import { compileRegex } from './regex.ts'

const anyValue = () => true

/** What an operator's argument must be, else `bad_arg`. */
const leafArguments = {
  $lt: anyValue,
  $lte: anyValue,
  $eq: anyValue,
  $ne: anyValue,
  $gte: anyValue,
  $gt: anyValue,
  $in: (value: Json) => Array.isArray(value),
  $nin: (value: Json) => Array.isArray(value),
  $all: (value: Json) => Array.isArray(value),
  $exists: (value: Json) => typeof value === 'boolean',
  $type: (value: Json) => typeof value === 'string',
  $size: (value: Json) => isInteger(value) && value >= 0,
  $mod: isDivision,
  $regex: (value: Json) => typeof value === 'string' && compileRegex(value) !== undefined,
  $beginsWith: (value: Json) => typeof value === 'string',
} as const

export type LeafOperator = keyof typeof leafArguments
export type ElementOperator = '$elemMatch' | '$allMatch' | '$keyMapMatch'

const elementOperators: ReadonlySet<string> = new Set(['$elemMatch', '$allMatch', '$keyMapMatch'])
const unsupported: ReadonlySet<string> = new Set(['$where', '$near', '$nearSphere', '$geoWithin', '$geoIntersects'])
/** CouchDB does not know these with an argument of another type, and says so. */
const stringOnly: ReadonlySet<string> = new Set(['$regex', '$beginsWith'])

export type OperatorKind =
  | { readonly kind: 'leaf'; readonly op: LeafOperator; takes(value: Json): boolean }
  | { readonly kind: 'elements'; readonly op: ElementOperator; takes(value: Json): boolean }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'unknown' }

/** What a `$name` is. `takes` is false where CouchDB answers `invalid_operator` instead of `bad_arg`. */
export function operatorKind(name: string): OperatorKind {
  if (Object.hasOwn(leafArguments, name)) {
    const takes = stringOnly.has(name) ? (value: Json) => typeof value === 'string' : anyValue
    return { kind: 'leaf', op: name as LeafOperator, takes }
  }
  if (elementOperators.has(name)) return { kind: 'elements', op: name as ElementOperator, takes: anyValue }
  return { kind: unsupported.has(name) ? 'unsupported' : 'unknown' }
}

export function checkArgument(op: LeafOperator, value: Json): boolean {
  return leafArguments[op](value)
}

export function isInteger(value: Json | undefined): value is number | bigint {
  return typeof value === 'bigint' || Number.isInteger(value)
}

/** `[divisor, remainder]`; CouchDB crashes on a zero divisor. */
function isDivision(value: Json): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(isInteger) && Number(value[0]) !== 0
}
