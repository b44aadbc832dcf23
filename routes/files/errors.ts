/** The error bodies of the file routes: JSON-API, whatever failed. */
import { Problem, type ProblemCode } from '../../src/model/errors.ts'

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  416: 'Requested Range Not Satisfiable',
  422: 'Invalid Parameter',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}

/** Codes that say no more than their status. */
const common: ReadonlySet<ProblemCode> = new Set([
  'bad_request',
  'query_parse_error',
  'unauthorized',
  'forbidden',
  'no_database',
  'not_found',
  'method_not_allowed',
  'conflict',
  'exists',
  'precondition_failed',
  'too_large',
  'range_not_satisfiable',
  'invalid_parameter',
  'internal_server_error',
  'store_unavailable',
  'store_full',
])

export function errorBody(problem: Problem): object {
  return { errors: [errorObject(problem)] }
}

/** One JSON-API error; the status is text. `source` is always there. */
export function errorObject(problem: Problem): object {
  const { status, source = {}, title = titleOf(problem) } = problem
  return { status: `${status}`, title, detail: reasonOf(problem), source }
}

/** Failures of the document engine keep their own names: clients look for `no_index` in them. */
function titleOf({ code, status, source }: Problem): string {
  if (status === 422 && source !== undefined && 'pointer' in source) return 'Invalid Attribute'
  return (common.has(code) ? titles[status] : code) ?? code
}

/** What is wrong with the value of a query parameter or header: 422 with its name. */
export function invalidParameter(parameter: string, reason: string): Problem {
  return new Problem('invalid_parameter', reason, { source: { parameter } })
}

/** A body that is not a JSON-API document of the kind asked for. */
export function badBody(): Problem {
  return new Problem('bad_request', 'JSON input is malformed or is missing mandatory fields')
}

/** The words that clients look for to fetch a new token. */
const tokenWords = {
  missing: 'No token in request',
  invalid: 'Invalid JWT token',
  expired: 'Expired token',
} as const

function reasonOf({ reason, identity }: Problem): string {
  return identity?.kind === 'token' ? tokenWords[identity.token] : reason
}
