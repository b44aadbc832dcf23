/**
 * What `@event` triggers wait for: rules `doctype[:verbs[:values[:selector]]]`, separated by spaces. A value is compared
 * with the member that the selector names, or with the id; `!=` stands for "this member changed".
 */
import { isObject, type Json, type JsonObject } from '../model/json/value.ts'
import { coversType, isRuleType } from '../permissions/rule.ts'

export type EventVerb = 'CREATED' | 'UPDATED' | 'DELETED'

export interface EventRule {
  readonly type: string
  /** Empty: every verb. Unknown ones match nothing. */
  readonly verbs: readonly string[]
  readonly values: readonly string[]
  readonly selector: string | undefined
}

/** What happened to a document. Members hold `_id`. */
export interface DocumentEvent {
  readonly type: string
  readonly verb: EventVerb
  readonly doc: JsonObject
  /** What it was before, while that is known. */
  readonly old: JsonObject | undefined
}

const changed = '!='

/** `undefined` when the text is not a list of rules. */
export function parseEventRules(text: string): readonly EventRule[] | undefined {
  const rules: EventRule[] = []
  for (const part of text.split(' ')) {
    const [type = '', verbs, values, selector, ...more] = part.split(':')
    if (more.length > 0 || !isRuleType(type) || [verbs, values, selector].includes('')) return undefined
    const named = verbs?.split(',') ?? []
    rules.push({ type, verbs: named.includes('ALL') ? [] : named, values: values?.split(',') ?? [], selector })
  }
  return rules
}

/** Whether a rule can match a document of this type at all. */
export function concerns(rules: readonly EventRule[], type: string): boolean {
  return rules.some((rule) => coversType(rule.type, type))
}

/**
 * Whether one of the rules matches. `above` gives the ids of the directories of a file, where it is and where it was: a
 * rule that names one of these covers what lies below it.
 */
export async function matchesEvent(
  rules: readonly EventRule[],
  event: DocumentEvent,
  above: () => Promise<readonly string[]>,
): Promise<boolean> {
  for (const rule of rules) {
    if (!coversType(rule.type, event.type)) continue
    if (rule.verbs.length > 0 && !rule.verbs.includes(event.verb)) continue
    if (rule.values.length === 0 || matchesValues(rule, event)) return true
    if (event.type !== 'io.cozy.files' || (rule.selector ?? '_id') !== '_id') continue
    if ((await above()).some((id) => rule.values.includes(id))) return true
  }
  return false
}

function matchesValues({ values, selector = '_id' }: EventRule, { doc, old }: DocumentEvent): boolean {
  if (values.includes(changed)) {
    return old !== undefined && JSON.stringify(memberOf(old, selector)) !== JSON.stringify(memberOf(doc, selector))
  }
  return [memberOf(doc, selector), old && memberOf(old, selector)].some((value) => holds(value, values))
}

function holds(value: Json | undefined, values: readonly string[]): boolean {
  if (Array.isArray(value)) return value.some((item: Json) => holds(item, values))
  if (isObject(value)) {
    const { type, id } = value
    return typeof type === 'string' && typeof id === 'string' && values.includes(`${type}/${id}`)
  }
  return value !== null && value !== undefined && values.includes(String(value))
}

/** `a.b` is the member `b` of the member `a`. */
function memberOf(members: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = members
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}
