/** Answers the routes' questions from a list of rules; any rule suffices. */
import type { Audience, Permissions, Verb } from '../model/permissions.ts'
import { allowsDocument, coversType, type Rule } from './rule.ts'

/** The verdict of the rules for one verb and doctype. */
interface Verdict {
  readonly whole: boolean
  readonly restricted: readonly Rule[]
}

/** Clients choose doctype names: beyond this many the cache starts again. */
const maxVerdicts = 1000

/** Permissions of rules, and for whom the token was made. Verdicts are kept per object, so a token that is used again costs one look-up a question. */
export function grant(rules: readonly Rule[], audience?: Audience): Permissions {
  const verdicts = new Map<string, Verdict>()

  function verdict(verb: Verb, doctype: string): Verdict {
    const key = `${verb} ${doctype}`
    const known = verdicts.get(key)
    if (known !== undefined) return known
    const concerned = rules.filter((rule) => rule.verbs.includes(verb) && coversType(rule.type, doctype))
    const made: Verdict = {
      whole: concerned.some((rule) => rule.values.length === 0),
      restricted: concerned.filter((rule) => rule.values.length > 0),
    }
    if (verdicts.size >= maxVerdicts) verdicts.clear()
    verdicts.set(key, made)
    return made
  }

  return {
    audience,
    allowsType: (verb, doctype) => verdict(verb, doctype).whole,
    allowsSome(verb, doctype) {
      const { whole, restricted } = verdict(verb, doctype)
      return whole || restricted.length > 0
    },
    allowsDocument(verb, doctype, document) {
      const { whole, restricted } = verdict(verb, doctype)
      return whole || restricted.some((rule) => allowsDocument(rule, document))
    },
  }
}

/** The permissions of no one: every question is answered with no. */
export const nothing: Permissions = grant([])
