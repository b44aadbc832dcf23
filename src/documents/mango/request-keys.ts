/** Members of query requests: which are allowed and of what type. */
import { isObject, type Json, type JsonObject } from '../../model/json/value.ts'
import { isInteger } from './operators.ts'
import { refusal } from './refusal.ts'

/** Throws `bad_request` unless the body is an object. */
export function requestObject(body: Json): JsonObject {
  if (!isObject(body)) throw refusal('bad_request', 'Request body must be a JSON object')
  return body
}

/** Throws `invalid_key` for a member that the request does not know. */
export function refuseUnknownKeys(body: JsonObject, known: ReadonlySet<string>): void {
  for (const name of Object.keys(body)) {
    if (!known.has(name)) throw refusal('invalid_key', `Invalid key ${name} for this request.`)
  }
}

/** Throws `missing_required_key`. */
export function requiredKey(body: JsonObject, name: string): Json {
  const value = member(body, name)
  if (value === undefined) throw refusal('missing_required_key', `Missing required key: ${name}`)
  return value
}

export function member(body: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(body, name) ? body[name] : undefined
}

export function booleanKey(body: JsonObject, name: string, absent: boolean): boolean {
  const value = member(body, name) ?? (Object.hasOwn(body, name) ? null : absent)
  if (typeof value !== 'boolean')
    throw refusal('invalid_boolean', `Invalid boolean value for ${name}: true or false is allowed.`)
  return value
}

export function countKey(body: JsonObject, name: string): number | undefined {
  const value = member(body, name)
  if (value === undefined) return undefined
  if (!isInteger(value) || value < 0) {
    throw refusal('invalid_non_neg_integer', `${name} is not an integer greater than or equal to zero`)
  }
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER)
}

/** `r` and `w`, which change no answer on one server. */
export function quorumKey(body: JsonObject, name: string): number | undefined {
  const value = member(body, name)
  if (value !== undefined && !(isInteger(value) && value > 0)) {
    throw refusal('invalid_pos_integer', `${name} is not an integer greater than zero`)
  }
  return value === undefined ? undefined : Number(value)
}
