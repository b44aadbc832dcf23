/** Settings arrive as JSON files from anywhere: what is not a reasonably shaped object is refused before it is processed. */
import { Problem } from '../model/errors.ts'

const maxDepth = 16
const refusedKeys = new Set(['__proto__', 'constructor', 'prototype'])

export type JsonObject = Readonly<Record<string, unknown>>

/** The object in an uploaded file. Throws `bad_request` when it is not one, nests too deeply or has a name that is not data. */
export function parseUploadedObject(bytes: Uint8Array): JsonObject {
  let value: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (nesting(text) > maxDepth) throw new Problem('bad_request', `The settings nest more than ${maxDepth} levels`)
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('bad_request', 'The settings are not valid JSON')
  }
  if (!isObject(value)) throw new Problem('bad_request', 'The settings are not a JSON object')
  refuseNames(value)
  return value
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Without parsing: a parser that recurses would fall over what this counts. */
function nesting(text: string): number {
  let depth = 0
  let deepest = 0
  let inText = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (inText) {
      if (char === '\\') at += 1
      else if (char === '"') inText = false
    } else if (char === '"') inText = true
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth)
    else if (char === '}' || char === ']') depth -= 1
  }
  return deepest
}

function refuseNames(value: unknown): void {
  if (Array.isArray(value)) for (const item of value) refuseNames(item)
  else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) {
      if (refusedKeys.has(name)) throw new Problem('bad_request', `The settings have a member with the name ${name}`)
      refuseNames(item)
    }
  }
}
