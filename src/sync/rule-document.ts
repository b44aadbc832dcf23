/** Checks a document of rules; the first fault is named with its place. */
import type { Rule, RuleSet } from './engine/rules.ts'
import { unacceptable } from './problems.ts'

const maxRules = 1_000

/** The rules of `{rules: [...], unsync}`. @throws Problem 422 */
export function readRules(document: unknown, entries: ReadonlySet<string>): RuleSet {
  if (!isObject(document) || !Array.isArray(document['rules'])) {
    throw unacceptable('the body must be an object with a list rules')
  }
  refuseOthers(document, ['rules', 'unsync'], 'the document')
  const { rules, unsync } = document
  if (unsync !== undefined && unsync !== 'release' && unsync !== 'trash') {
    throw unacceptable('unsync must be release or trash')
  }
  if (rules.length > maxRules) throw unacceptable(`there are ${rules.length} rules; at most ${maxRules} are allowed`)
  const read = rules.map((rule: unknown, at) => readRule(rule, `rule ${at}`, entries))
  return { rules: read, ...(unsync === undefined ? {} : { unsync }) }
}

function readRule(rule: unknown, place: string, entries: ReadonlySet<string>): Rule {
  if (!isObject(rule)) throw unacceptable(`${place}: it must be an object`)
  refuseOthers(rule, ['match', 'sync', 'ban'], place)
  const { match } = rule
  if (!isObject(match)) throw unacceptable(`${place}: match must be an object`)
  refuseOthers(match, ['path', 'mime'], `${place}: match`)
  const sync = names(rule['sync'], `${place}: sync`, entries)
  const ban = rule['ban'] === undefined ? undefined : names(rule['ban'], `${place}: ban`, entries)
  return {
    match: {
      ...(match['path'] === undefined ? {} : { path: pathOf(match['path'], place) }),
      ...(match['mime'] === undefined ? {} : { mime: typesOf(match['mime'], place) }),
    },
    sync,
    ...(ban === undefined ? {} : { ban }),
  }
}

function pathOf(path: unknown, place: string): string {
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw unacceptable(`${place}: path must be a text that begins with /`)
  if (path.split('/').includes('..') || path.includes('\0')) throw unacceptable(`${place}: path must not contain ..`)
  if (!path.isWellFormed()) throw unacceptable(`${place}: path is not valid Unicode`)
  return path
}

function typesOf(types: unknown, place: string): string[] {
  const isType = (type: unknown) => typeof type === 'string' && /^[\w.+-]+\/([\w.+-]+|\*)$/.test(type)
  if (!Array.isArray(types) || types.length === 0) throw unacceptable(`${place}: mime must be a list of media types`)
  const wrong = types.find((type) => !isType(type))
  if (wrong !== undefined || types.includes(undefined)) {
    throw unacceptable(`${place}: ${JSON.stringify(wrong)} is not a media type such as image/png or image/*`)
  }
  return types as string[]
}

function names(list: unknown, place: string, entries: ReadonlySet<string>): string[] {
  if (!Array.isArray(list)) throw unacceptable(`${place} must be a list of names of entries`)
  for (const name of list) {
    if (typeof name !== 'string') throw unacceptable(`${place} must be a list of names of entries`)
    if (!entries.has(name)) throw unacceptable(`${place.replace(/: (sync|ban)$/, '')}: unknown entry '${name}'`)
  }
  return [...new Set(list as string[])]
}

/** A misspelt member would silently widen a rule. */
function refuseOthers(object: Record<string, unknown>, known: readonly string[], place: string): void {
  const other = Object.keys(object).find((key) => !known.includes(key))
  if (other !== undefined) throw unacceptable(`${place}: unknown member '${other}'; allowed: ${known.join(', ')}`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
