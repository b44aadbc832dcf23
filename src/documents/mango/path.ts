import { isObject, type Json } from '../../model/json/value.ts'
import { refusal } from './refusal.ts'

/** A parsed field name: one string for each step into the document. */
export type Path = readonly string[]

/** What `resolve` gives when a step leads into a scalar or out of an array, as opposed to `undefined`: no such member. */
export const badPath: unique symbol = Symbol('bad path')

/**
 * Splits a dotted field name; `\.` is a dot in a name, any other backslash is dropped.
 * Throws `invalid_field_name` for an empty step.
 */
export function parsePath(field: string): Path {
  const steps = field.includes('\\')
    ? field.split(/(?<!\\)\./).map((step) => step.replaceAll('\\', ''))
    : field.split('.')
  if (steps.includes('')) throw refusal('invalid_field_name', `Invalid field name: ${field}`)
  return steps
}

/**
 * The value at a path: `undefined` when a member is missing, `badPath` when the path does not fit the document. A step
 * into an array is an index; arrays are not searched.
 */
export function resolve(path: Path, document: Json): Json | undefined | typeof badPath {
  let value: Json = document
  for (let i = 0; i < path.length; i++) {
    const step = path[i] as string
    if (Array.isArray(value)) {
      const index = arrayIndex(step)
      if (index === undefined || index >= value.length) return badPath
      value = value[index] as Json
    } else if (isObject(value)) {
      const member: Json | undefined = step in Object.prototype && !Object.hasOwn(value, step) ? undefined : value[step]
      if (member === undefined) return undefined
      value = member
    } else {
      return badPath
    }
  }
  return value
}

function arrayIndex(step: string): number | undefined {
  return /^(?:\+?\d+|-0+)$/.test(step) ? Math.abs(Number(step)) : undefined
}
