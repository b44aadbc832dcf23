/**
 * JSON values as Hearth holds them in memory: integers that a double cannot hold are `bigint`, everything else is what
 * `JSON.parse` gives. Objects may own a member named `__proto__`; never copy them with plain assignment.
 */
export type Json = null | boolean | number | bigint | string | JsonArray | JsonObject
export type JsonArray = readonly Json[]
export interface JsonObject {
  readonly [name: string]: Json
}

/** True for a JSON object, false for arrays, null and scalars. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
