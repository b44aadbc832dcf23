/** Feature flags: of instances, of contexts, and for everyone. */
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { readDocument, writeDocument } from '../instances/own-documents.ts'
import { Problem } from '../model/errors.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'

const settings: DatabaseRef = { prefix: 'global', name: 'io.cozy.settings' }
const defaultsId = 'io.cozy.settings.flags.default'
const attempts = 10

/** Flags that are documents of the server's own. */
export interface SharedFlags {
  /** `undefined`: none were ever set. */
  defaults(): Promise<JsonObject | undefined>
  /** Sets flags, and removes those given as null. */
  changeDefaults(changes: JsonObject): Promise<JsonObject>
  ofContext(context: string): Promise<JsonObject | undefined>
  /** Each flag is a list of `{ratio, value}`; an empty one removes it. @throws Problem `invalid_parameter` */
  changeContext(context: string, changes: JsonObject): Promise<JsonObject>
}

export function openSharedFlags(store: DocumentStore): SharedFlags {
  const read = async (id: string) => (await readDocument(store, settings, id))?.value

  async function change(id: string, changes: JsonObject, removes: (value: Json) => boolean): Promise<JsonObject> {
    await store.createDatabase(settings)
    for (let attempt = 0; attempt < attempts; attempt++) {
      const known = await readDocument(store, settings, id)
      const value = changedFlags(known?.value, changes, removes)
      if ((await writeDocument(store, { ref: settings, id, value, parent: known })) === 'ok') return value
    }
    throw new Problem('conflict', 'Document update conflict.')
  }

  return {
    defaults: () => read(defaultsId),
    changeDefaults: (changes) => change(defaultsId, flagsIn(changes), (value) => value === null),
    ofContext: (context) => read(contextId(context)),
    changeContext(context, changes) {
      for (const [name, value] of Object.entries(changes)) {
        if (!isRatios(value)) {
          throw new Problem('invalid_parameter', `${name} must be a list of {"ratio": number, "value": any}`, {
            source: { pointer: `/${name}` },
          })
        }
      }
      const removes = (value: Json) => Array.isArray(value) && value.length === 0
      return change(contextId(context), flagsIn(changes), removes)
    },
  }
}

/** Flags with changes applied to them; those for which `removes` holds are gone. */
export function changedFlags(
  known: JsonObject | undefined,
  changes: JsonObject,
  removes: (value: Json) => boolean = (value) => value === null,
): JsonObject {
  const merged = new Map(Object.entries(known ?? {}))
  for (const [name, value] of Object.entries(changes)) {
    if (removes(value)) merged.delete(name)
    else merged.set(name, value)
  }
  return Object.fromEntries(merged)
}

/** A document's own members begin with an underscore: no flag does. */
function flagsIn(changes: JsonObject): JsonObject {
  const wrong = Object.keys(changes).find((name) => name.startsWith('_') || name === '')
  if (wrong === undefined) return changes
  throw new Problem('invalid_parameter', `A flag has a name that does not begin with an underscore, not ${wrong}`)
}

function contextId(context: string): string {
  return `io.cozy.settings.flags.context.${context}`
}

function isRatios(value: Json): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && typeof item['ratio'] === 'number')
}
