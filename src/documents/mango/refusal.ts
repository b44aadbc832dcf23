import { Problem, type ProblemCode } from '../../errors.ts'

/** CouchDB's names for faults in queries that the common table does not list. */
type QueryCode = ProblemCode | 'bad_field' | 'invalid_field' | 'invalid_fields' | 'invalid_pos_integer'

/** A 400 for a query, an index definition or a bookmark (documents 2 and 5). */
export function refusal(code: QueryCode, reason: string): Problem {
  return new Problem(code as ProblemCode, reason, { status: 400 })
}
