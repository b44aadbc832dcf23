import { isObject, type Json, type JsonObject } from '../../model/json/value.ts'
import { checkArgument, type ElementOperator, type LeafOperator, operatorKind } from './operators.ts'
import { type Path, parsePath } from './path.ts'
import { refusal } from './refusal.ts'

/**
 * A selector in CouchDB's normal form: every condition names its operator, fields are dotted paths, and
 * negations stand as deep as they can. A field with an empty path is the value itself (inside `$elemMatch` and the like).
 */
export type Selector =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or' | 'nor'; readonly args: readonly Selector[] }
  | { readonly kind: 'not'; readonly arg: Selector }
  | { readonly kind: 'field'; readonly path: string; readonly steps: Path; readonly test: Condition }
  | { readonly kind: 'text'; readonly value: Json }

/** What is asked of one value. */
export type Condition =
  | { readonly kind: 'leaf'; readonly op: LeafOperator; readonly value: Json }
  | { readonly kind: 'elements'; readonly op: ElementOperator; readonly arg: Selector }
  | { readonly kind: 'unless'; readonly test: Condition }

/**
 * Reads and normalises a selector; member order matters. Throws `invalid_selector_json`,
 * `invalid_selector`, `invalid_operator`, `not_supported`, `bad_arg`, `bad_field` or `invalid_field_name`.
 */
export function parseSelector(value: Json): Selector {
  if (!isObject(value)) throw refusal('invalid_selector_json', 'Selector must be a JSON object.')
  if (Object.keys(value).length === 0) return { kind: 'all' }
  const selector = pushNegations(normalise(value, ''))
  if (selector.kind === 'field' && selector.path === '') {
    throw refusal('invalid_selector', 'One or more conditions is missing a field name.')
  }
  return selector
}

function normalise(value: Json, path: string): Selector {
  if (!isObject(value)) return field(path, { kind: 'leaf', op: '$eq', value })
  const names = Object.keys(value)
  if (names.length === 0) return field(path, { kind: 'leaf', op: '$eq', value })
  if (names.length > 1) return { kind: 'and', args: names.map((name) => pair(name, value[name] as Json, path)) }
  const name = names[0] as string
  return pair(name, value[name] as Json, path)
}

function pair(name: string, value: Json, path: string): Selector {
  if (!name.startsWith('$')) return normalise(value, path === '' ? name : `${path}.${name}`)
  switch (name) {
    case '$and':
    case '$or':
    case '$nor':
      if (!Array.isArray(value)) throw badArgument(name)
      return { kind: name.slice(1) as 'and' | 'or' | 'nor', args: value.map((arg: Json) => normalise(arg, path)) }
    case '$not':
      if (!isObject(value)) throw badArgument(name)
      return { kind: 'not', arg: normalise(value, path) }
    case '$text':
      if (value === null || typeof value === 'object') throw badArgument(name)
      if (path !== '') throw refusal('bad_field', 'Invalid field normalization on selector: $text has no field.')
      return { kind: 'text', value }
  }
  return field(path, condition(name, value))
}

function condition(name: string, value: Json): Condition {
  const operator = operatorKind(name)
  if (operator.kind === 'unsupported') throw refusal('not_supported', `Unsupported operator: ${name}`)
  if (operator.kind === 'unknown' || !operator.takes(value))
    throw refusal('invalid_operator', `Invalid operator: ${name}`)
  if (operator.kind === 'leaf') {
    if (!checkArgument(operator.op, value)) throw badArgument(name)
    return { kind: 'leaf', op: operator.op, value }
  }
  if (!isObject(value)) throw badArgument(name)
  return { kind: 'elements', op: operator.op, arg: normalise(value, '') }
}

function field(path: string, test: Condition): Selector {
  return { kind: 'field', path, steps: path === '' ? [] : parsePath(path), test }
}

function badArgument(operator: string) {
  return refusal('bad_arg', `Bad argument for operator ${operator}`)
}

/** Arguments of `$elemMatch` and the like keep their negations: they are evaluated as they stand. */
function pushNegations(selector: Selector): Selector {
  switch (selector.kind) {
    case 'not':
      return negate(selector.arg)
    case 'nor':
      return { kind: 'and', args: selector.args.map(negate) }
    case 'and':
    case 'or':
      return { kind: selector.kind, args: selector.args.map(pushNegations) }
    default:
      return selector
  }
}

function negate(selector: Selector): Selector {
  switch (selector.kind) {
    case 'not':
      return pushNegations(selector.arg)
    case 'nor':
      return { kind: 'or', args: selector.args.map(pushNegations) }
    case 'and':
      return { kind: 'or', args: selector.args.map(negate) }
    case 'or':
      return { kind: 'and', args: selector.args.map(negate) }
    case 'field':
      return { ...selector, test: negateCondition(selector.test) }
    default:
      throw badArgument('$not')
  }
}

const opposites: Partial<Record<LeafOperator, LeafOperator>> = {
  $lt: '$gte',
  $lte: '$gt',
  $eq: '$ne',
  $ne: '$eq',
  $gte: '$lt',
  $gt: '$lte',
  $in: '$nin',
  $nin: '$in',
}

function negateCondition(test: Condition): Condition {
  if (test.kind === 'leaf') {
    if (test.op === '$exists') return { ...test, value: test.value !== true }
    const op = opposites[test.op]
    if (op !== undefined) return { ...test, op }
  }
  return { kind: 'unless', test }
}

/** The normal form as JSON: what CouchDB stores as `partial_filter_selector` and shows in `_explain`. */
export function selectorToJson(selector: Selector): JsonObject {
  switch (selector.kind) {
    case 'all':
      return {}
    case 'and':
    case 'or':
    case 'nor':
      return { [`$${selector.kind}`]: selector.args.map(selectorToJson) }
    case 'not':
      return { $not: selectorToJson(selector.arg) }
    case 'text':
      return { $default: { $text: selector.value } }
    case 'field':
      return Object.fromEntries([[selector.path, conditionToJson(selector.test)]])
  }
}

function conditionToJson(test: Condition): JsonObject {
  switch (test.kind) {
    case 'leaf':
      return { [test.op]: test.value }
    case 'elements':
      return { [test.op]: selectorToJson(test.arg) }
    case 'unless':
      return { $not: conditionToJson(test.test) }
  }
}
