/** Scope strings, as tokens carry them. */
import { Problem } from '../model/errors.ts'
import { everyType, type Rule, ruleFromText } from './rule.ts'

/**
 * Rules of a scope string, separated by one space each.
 * @throws Problem `bad_request` when the scope is empty or any rule is malformed.
 */
export function parseScope(scope: string): readonly Rule[] {
  return scope.split(' ').map((text) => {
    const rule = ruleFromText(text)
    if (rule === undefined) throw malformedScope()
    return rule
  })
}

/** True when a rule covers every doctype: only `cli` tokens may carry such a scope. */
export function coversEverything(rules: readonly Rule[]): boolean {
  return rules.some((rule) => rule.type === everyType)
}

/** The one wording of a bad scope. */
export function malformedScope(): Problem {
  return new Problem('bad_request', 'Permission scope is empty or malformed')
}
