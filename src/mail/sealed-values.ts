/** Values of a mail's template as stored in the document of a job, which applications may read. */
import { parseJson, stringifyJson } from '../model/json/exact.ts'
import { isObject, type JsonObject } from '../model/json/value.ts'
import type { Secrets } from '../secrets/secrets.ts'

const contextOf = (prefix: string) => `mail ${prefix}`

/** `sealed_values` of a mail of the tenant with this prefix. */
export function sealValues(secrets: Pick<Secrets, 'seal'>, prefix: string, values: JsonObject): string {
  return secrets.seal(stringifyJson(values), contextOf(prefix))
}

/** The opposite; `undefined` when they were sealed with another key or for another tenant. */
export function openValues(secrets: Pick<Secrets, 'open'>, prefix: string, sealed: string): JsonObject | undefined {
  const clear = secrets.open(sealed, contextOf(prefix))
  if (clear === undefined) return undefined
  const { value } = parseJson(clear)
  return isObject(value) ? value : undefined
}
