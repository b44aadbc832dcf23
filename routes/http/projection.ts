import type { ParsedJson } from '../../src/model/json/exact.ts'
import { isObject, type Json, type JsonArray, type JsonObject } from '../../src/model/json/value.ts'

/** The paths of a `Fields` parameter as a tree; `true` keeps everything below. */
export interface FieldTree {
  readonly [name: string]: FieldTree | true
}

/** `a,b.c` as a tree. Empty names are skipped; a path inside a longer one's parent gives the whole parent. */
export function fieldTree(fields: string): FieldTree {
  const root: Record<string, FieldTree | true> = Object.create(null)
  for (const path of fields.split(',')) {
    const names = path.trim().split('.')
    if (names.includes('')) continue
    let branch = root
    for (const [depth, name] of names.entries()) {
      const known = branch[name]
      if (known === true) break
      if (depth === names.length - 1) branch[name] = true
      else {
        const next = (known ?? Object.create(null)) as Record<string, FieldTree | true>
        branch[name] = next
        branch = next
      }
    }
  }
  return root
}

/**
 * The part of a document that a tree names, to be printed. Arrays are gone through element by element; what is not an object
 * has nothing below it.
 */
export function project(document: ParsedJson, tree: FieldTree): Json {
  return projected(document.value, document.exact, tree) ?? {}
}

/** `value` tells what there is, `exact` is what gets printed: a number there may look like an object. */
function projected(value: Json, exact: Json, tree: FieldTree): Json | undefined {
  if (Array.isArray(value)) {
    const elements = value.map((element, at) => projected(element, (exact as JsonArray)[at] ?? null, tree))
    return elements.filter((element) => element !== undefined)
  }
  if (!isObject(value)) return undefined
  const kept: [string, Json][] = []
  for (const [name, member] of Object.entries(value)) {
    const below = tree[name]
    if (below === undefined) continue
    const printed = (exact as JsonObject)[name] ?? null
    const part = below === true ? printed : projected(member, printed, below)
    if (part !== undefined) kept.push([name, part])
  }
  return Object.fromEntries(kept)
}
