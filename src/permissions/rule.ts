/** One permission rule: a doctype (or a family of them), verbs, and what it is restricted to. */
import { isObject, type Json } from '../model/json/value.ts'
import type { Verb } from '../model/permissions.ts'

/** All verbs, in the order in which documentation lists them. `GET` includes HEAD. */
export const verbs: readonly Verb[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

export interface Rule {
  /** A doctype, `name.*` for a doctype and all below it, or `*` for every doctype. */
  readonly type: string
  readonly verbs: readonly Verb[]
  /** Empty: the whole doctype. */
  readonly values: readonly string[]
  /** The top-level member that `values` refer to; `undefined`: `_id`. */
  readonly selector: string | undefined
}

/** The type that stands for every doctype. */
export const everyType = '*'

const doctype = /^[a-z0-9_]+(?:\.[a-z0-9_]+)*$/
const familySuffix = '.*'
const leastDotsOfFamily = 3
const maxTypeLength = 200

/** True for a doctype name, for `*`, and for `name.*` where the whole has at least three dots. */
export function isRuleType(type: string): boolean {
  if (type === everyType) return true
  if (type.length > maxTypeLength) return false
  if (!type.endsWith(familySuffix)) return doctype.test(type)
  return doctype.test(type.slice(0, -familySuffix.length)) && type.split('.').length > leastDotsOfFamily
}

/** Whether a rule's type covers a doctype. */
export function coversType(type: string, wanted: string): boolean {
  if (type === everyType || type === wanted) return true
  if (!type.endsWith(familySuffix)) return false
  const family = type.slice(0, -familySuffix.length)
  return wanted === family || wanted.startsWith(`${family}.`)
}

function isVerb(name: string): name is Verb {
  return (verbs as readonly string[]).includes(name)
}

/** The verbs of a list of names; none or `ALL` among them means all. `undefined` when a name is unknown. */
function verbsOf(names: readonly string[]): readonly Verb[] | undefined {
  const named = names.filter((name) => name !== 'ALL')
  if (!named.every(isVerb)) return undefined
  return names.length === 0 || named.length < names.length ? verbs : named
}

/** Parses `type[:verbs[:values[:selector]]]`; `undefined` when it is malformed. A part that is present must not be empty. */
export function ruleFromText(text: string): Rule | undefined {
  const parts = text.split(':')
  const [type = '', verbNames, values, selector] = parts
  if (parts.length > 4 || parts.includes('') || !isRuleType(type)) return undefined
  const granted = verbsOf(verbNames?.split(',') ?? [])
  const ids = values?.split(',') ?? []
  if (granted === undefined || ids.includes('')) return undefined
  return { type, verbs: granted, values: ids, selector }
}

function stringsOf(value: Json | undefined): readonly string[] | undefined {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) return undefined
  const strings = value.filter((item): item is string => typeof item === 'string')
  return strings.length === value.length ? strings : undefined
}

/** Reads a rule of a permission document, `{type, verbs?, values?, selector?}`; `undefined` when it is malformed. */
export function ruleFromJson(value: Json): Rule | undefined {
  if (!isObject(value)) return undefined
  const { type, selector } = value
  const names = stringsOf(value['verbs'])
  const values = stringsOf(value['values'])
  if (typeof type !== 'string' || !isRuleType(type) || names === undefined || values === undefined) return undefined
  if (selector !== undefined && selector !== null && typeof selector !== 'string') return undefined
  const granted = verbsOf(names)
  return granted && { type, verbs: granted, values, selector: selector || undefined }
}

/** What a rule is restricted to decides whether it allows a document; `document` holds `_id`. */
export function allowsDocument(rule: Rule, document: Readonly<Record<string, Json>>): boolean {
  if (rule.values.length === 0) return true
  const member = rule.selector ?? '_id'
  const value = Object.hasOwn(document, member) ? document[member] : undefined
  if (member === 'referenced_by') return references(value).some((reference) => rule.values.includes(reference))
  return isScalar(value) && rule.values.includes(String(value))
}

function isScalar(value: Json | undefined): value is string | number | bigint | boolean {
  return value !== null && value !== undefined && typeof value !== 'object'
}

/** `referenced_by` lists `{type, id}`; rules name them `type/id`. */
function references(value: Json | undefined): readonly string[] {
  if (!Array.isArray(value)) return []
  return value.filter(isObject).map(({ type, id }) => `${String(type)}/${String(id)}`)
}
