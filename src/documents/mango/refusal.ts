import { Problem, type ProblemCode } from '../../model/errors.ts'

/** A 400 for a query, an index definition or a bookmark. */
export function refusal(code: ProblemCode, reason: string): Problem {
  return new Problem(code, reason, { status: 400 })
}
