/** Duplicate triggers, and those of services that lack what the service needs. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { scanExisting } from '../instances/own-documents.ts'
import { stringifyJson } from '../model/json/exact.ts'
import { sortedMembers } from '../model/json/sorted.ts'
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { type CheckFinding, findingsOf } from './finding.ts'

interface Trigger {
  readonly id: string
  readonly trigger: Json
  readonly worker: Json
  readonly arguments: Json
  readonly debounce: Json
  /** The message as JSON text; empty when there is none. */
  readonly message: string
  readonly value: JsonObject
  /** The same for triggers that do the same. */
  readonly key: string
}

export function checkTriggers(
  store: Pick<DocumentStore, 'scanIds' | 'databaseInfo'>,
  prefix: string,
): Promise<readonly CheckFinding[]> {
  return findingsOf(async () => {
    const triggers: Trigger[] = []
    for await (const { id, value } of scanExisting(store, { prefix, name: 'io.cozy.triggers' })) {
      triggers.push(triggerOf(id, value))
    }
    return [...duplicates(triggers), ...triggers.flatMap(incompleteService)]
  })
}

function triggerOf(id: string, value: JsonObject): Trigger {
  const [trigger = '', worker = '', args = '', debounce = '', message] = [
    value['type'],
    value['worker'],
    value['arguments'],
    value['debounce'],
    value['message'],
  ]
  // Equal as JSON: the order of members does not matter.
  const key = stringifyJson([trigger, worker, args, debounce, message === undefined ? '' : sortedMembers(message)])
  const text = message === undefined ? '' : stringifyJson(message)
  return { id, trigger, worker, arguments: args, debounce, message: text, value, key }
}

/** For each trigger the next one that does the same. One-shot triggers are never the same. */
function duplicates(triggers: readonly Trigger[]): CheckFinding[] {
  const found: CheckFinding[] = []
  const following = new Map<string, string>()
  for (const { id, key, trigger, worker, arguments: args, debounce, message } of triggers.toReversed()) {
    if (trigger === '@in') continue
    const other = following.get(key)
    following.set(key, id)
    if (other === undefined) continue
    found.unshift({ type: 'duplicate', _id: id, other_id: other, trigger, worker, arguments: args, debounce, message })
  }
  return found
}

function incompleteService({ id, trigger, worker, message, value }: Trigger): CheckFinding[] {
  if (trigger !== '@event' || worker !== 'service') return []
  const finding = (type: string): CheckFinding => ({ type, _id: id, trigger, worker, message })
  const content = value['message'] ?? {}
  if (!isObject(content)) return [finding('invalid_message')]
  const missing = (name: string) => typeof content[name] !== 'string' || content[name] === ''
  return [...(missing('name') ? [finding('missing_name')] : []), ...(missing('slug') ? [finding('missing_slug')] : [])]
}
