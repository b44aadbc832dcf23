import { isObject, type Json, type JsonObject } from '../../model/json/value.ts'
import { badPath, type Path, parsePath, resolve } from './path.ts'
import { refusal } from './refusal.ts'

type Draft = Record<string, Json>

/**
 * Makes the function that keeps only some fields of a document; `undefined` for `[]`, which keeps all. Paths are rebuilt
 * as nested objects, so that `a.0` gives `{"a":{"0":...}}`; missing fields are left out.
 * `exact` is the same document in the form that prints without loss. Throws `invalid_fields`, `invalid_field` or
 * `invalid_field_name`.
 */
export function projector(fields: Json): ((document: Json, exact?: Json) => Json) | undefined {
  const paths = fieldList(fields).map(parsePath)
  if (paths.length === 0) return undefined
  return (document, exact = document) => {
    const kept: Draft = {}
    for (const path of paths) {
      const value = resolve(path, document)
      if (value === undefined || value === badPath) continue
      place(kept, path, exact === document ? value : (resolve(path, exact) as Json))
    }
    return kept
  }
}

/** The `fields` of a request as names. Throws `invalid_fields` or `invalid_field`. */
export function fieldList(fields: Json): readonly string[] {
  if (!Array.isArray(fields)) throw refusal('invalid_fields', 'Fields must be an array of strings.')
  for (const field of fields) {
    if (typeof field !== 'string') throw refusal('invalid_field', 'Invalid JSON for field spec: a field is a string.')
  }
  return fields as readonly string[]
}

/** Sets the value at a path, making the objects on the way. */
export function place(kept: Draft, path: Path, value: Json): void {
  let inner = kept
  for (const step of path.slice(0, -1)) {
    const member = Object.hasOwn(inner, step) ? inner[step] : undefined
    // The whole array was requested before: the element is in it already.
    if (Array.isArray(member)) return
    // A copy, because the member may belong to the document.
    const next: Draft = isObject(member) ? copy(member) : {}
    define(inner, step, next)
    inner = next
  }
  define(inner, path[path.length - 1] as string, value)
}

function copy(value: JsonObject): Draft {
  const result: Draft = {}
  for (const name of Object.keys(value)) define(result, name, value[name] as Json)
  return result
}

/** Plain assignment of `__proto__` would change the prototype instead. */
function define(target: Draft, name: string, value: Json): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
  } else target[name] = value
}
