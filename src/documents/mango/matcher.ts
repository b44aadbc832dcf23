import { stringifyJson } from '../../model/json/exact.ts'
import { isObject, type Json } from '../../model/json/value.ts'
import { compareJson, compareRaw, rankOf } from './collation.ts'
import { isInteger, type LeafOperator } from './operators.ts'
import { badPath, resolve } from './path.ts'
import { compileRegex } from './regex.ts'
import type { Condition, Selector } from './selector.ts'

/** `exact` is the same value in the form that tells `3.0` from `3`; the value itself where that is not known. */
type Test = (value: Json, exact?: Json) => boolean
type Compare = (a: Json, b: Json) => number

/**
 * Compiles a selector into a test of documents, which must have `_id` and `_rev`. Never throws
 * for any document. Without the exact form of a document `$mod` takes `3.0` for an integer.
 */
export function matcher(selector: Selector): Test {
  switch (selector.kind) {
    case 'all':
    // Only a text index could decide; CouchDB without one lets everything pass.
    case 'text':
      return () => true
    case 'and':
      return all(selector.args.map(matcher))
    case 'or':
      return selector.args.length === 0 ? () => true : any(selector.args.map(matcher))
    case 'nor': {
      const some = any(selector.args.map(matcher))
      return (value, exact) => !some(value, exact)
    }
    case 'not': {
      const test = matcher(selector.arg)
      return (value, exact) => !test(value, exact)
    }
    case 'field':
      return fieldTest(selector)
  }
}

function all(tests: readonly Test[]): Test {
  const [first, second] = tests
  if (first === undefined) return () => true
  if (second === undefined) return first
  if (tests.length === 2) return (value, exact) => first(value, exact) && second(value, exact)
  return (value, exact) => {
    for (const test of tests) if (!test(value, exact)) return false
    return true
  }
}

function any(tests: readonly Test[]): Test {
  return (value, exact) => {
    for (const test of tests) if (test(value, exact)) return true
    return false
  }
}

/** A path that leads nowhere makes every condition false but `$exists: false` on a missing member. */
function fieldTest({ path, steps, test }: Selector & { kind: 'field' }): Test {
  const holds = conditionTest(test, path === '_id' ? compareRaw : compareJson)
  if (path === '') return holds
  const whenMissing = test.kind === 'leaf' && test.op === '$exists' && test.value === false
  const looksAtForm = formMatters(test)
  return (document, exact = document) => {
    const value = resolve(steps, document)
    if (value === undefined) return whenMissing
    if (value === badPath) return false
    if (!looksAtForm || exact === document) return holds(value)
    return holds(value, resolve(steps, exact) as Json)
  }
}

function formMatters(test: Condition): boolean {
  if (test.kind === 'leaf') return test.op === '$mod'
  return test.kind === 'elements' || formMatters(test.test)
}

function conditionTest(test: Condition, compare: Compare): Test {
  if (test.kind === 'leaf') return leafTests[test.op](test.value, compare)
  if (test.kind === 'unless') {
    const holds = conditionTest(test.test, compare)
    return (value, exact) => !holds(value, exact)
  }
  const holds = matcher(test.arg)
  if (test.op === '$keyMapMatch') return (value) => isObject(value) && Object.keys(value).some((name) => holds(name))
  const holdsAt = (item: Json, exact: Json | undefined, at: number) =>
    holds(item, Array.isArray(exact) ? exact[at] : item)
  if (test.op === '$elemMatch') {
    return (value, exact) => Array.isArray(value) && value.some((item, at) => holdsAt(item, exact, at))
  }
  return (value, exact) =>
    Array.isArray(value) && value.length > 0 && value.every((item, at) => holdsAt(item, exact, at))
}

const typeNames = ['null', 'boolean', 'boolean', 'number', 'string', 'array', 'object'] as const

const leafTests: Record<LeafOperator, (argument: Json, compare: Compare) => Test> = {
  $lt: (argument, compare) => (value) => compare(value, argument) < 0,
  $lte: (argument, compare) => (value) => compare(value, argument) <= 0,
  $eq: (argument, compare) => (value) => compare(value, argument) === 0,
  $ne: (argument, compare) => (value) => compare(value, argument) !== 0,
  $gte: (argument, compare) => (value) => compare(value, argument) >= 0,
  $gt: (argument, compare) => (value) => compare(value, argument) > 0,
  $in: isAnyOf,
  $nin: (argument, compare) => {
    const some = isAnyOf(argument, compare)
    return (value) => !some(value)
  },
  $all: (argument) => {
    const wanted = argument as readonly Json[]
    const only = wanted.length === 1 ? wanted[0] : undefined
    return (value) => {
      if (!Array.isArray(value) || wanted.length === 0) return false
      if (Array.isArray(only) && isSame(only, value)) return true
      return wanted.every((item) => value.some((element) => isSame(element, item)))
    }
  },
  $exists: (argument) => () => argument === true,
  $type: (argument) => (value) => typeNames[rankOf(value)] === argument,
  $size: (argument) => (value) => Array.isArray(value) && value.length === Number(argument),
  $mod: (argument) => {
    const [divisor, remainder] = (argument as readonly (number | bigint)[]).map(BigInt) as [bigint, bigint]
    return (value, exact = value) => {
      if (!isInteger(value)) return false
      // Integers of that size are bigint, so this one was written as a float.
      if (typeof value === 'number' && Math.abs(value) >= 1e21) return false
      if (exact !== value && /[.e]/.test(stringifyJson(exact))) return false
      return BigInt(value) % divisor === remainder
    }
  },
  $regex: (argument) => {
    const matches = compileRegex(argument as string) ?? (() => false)
    return (value) => typeof value === 'string' && matches(value)
  },
  $beginsWith: (argument) => (value) => typeof value === 'string' && value.startsWith(argument as string),
}

/** `$in` looks into an array and never compares it as a whole. */
function isAnyOf(argument: Json, compare: Compare): Test {
  const wanted = argument as readonly Json[]
  const some = (value: Json) => {
    for (const item of wanted) if (compare(value, item) === 0) return true
    return false
  }
  return (value) => (Array.isArray(value) ? value.some(some) : some(value))
}

/** Equality for `$all`: strings by characters, numbers by value, objects whatever the order of their members. */
function isSame(a: Json, b: Json): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item: Json, i) => isSame(item, b[i]))
  }
  if (isObject(a)) {
    if (!isObject(b)) return false
    const names = Object.keys(a)
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && isSame(a[name] as Json, b[name] as Json))
    )
  }
  return isInteger(a) && isInteger(b) && BigInt(a) === BigInt(b)
}
