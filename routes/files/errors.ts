/** The error bodies of the file routes: JSON-API, whatever failed (files 1.1, decisions 20). */
import { Problem, type ProblemCode } from '../../src/errors.ts'
import type { Log } from '../../src/log.ts'
import { jsonValue } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'
import { logFailure } from '../observe.ts'
import { mediaType } from './json-api.ts'

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

/** What rendering needs to know beside the failure. */
export interface ErrorContext {
  readonly log: Log
  /** Status of an invalid or expired token (documents D-5). */
  readonly expiredStatus: 400 | 401
}

/** Renders failures. */
export function filesErrors({ log, expiredStatus }: ErrorContext): (error: unknown, c: HttpContext) => Response {
  return (error, c) => {
    const problem = asProblem(error, c, log)
    const token = problem.detail['token']
    const status = typeof token === 'string' && token !== 'missing' ? expiredStatus : problem.status
    const headers = { 'content-type': mediaType, ...headersOf(problem) }
    return jsonValue(c, status, { errors: [errorObject(problem, status)] }, headers)
  }
}

/** One JSON-API error; the status is text. `source` is always there. */
export function errorObject(problem: Problem, status = problem.status): object {
  const { reason, detail } = problem
  const { parameter, pointer, token, title = titleOf(problem, status) } = detail
  const source = {
    ...(typeof parameter === 'string' ? { parameter } : {}),
    ...(typeof pointer === 'string' ? { pointer } : {}),
  }
  return {
    status: `${status}`,
    title,
    detail: typeof token === 'string' ? tokenWords(token, reason) : reason,
    source,
  }
}

/** Failures of the document engine keep their own names: clients look for `no_index` in them. */
function titleOf({ code, detail }: Problem, status: number): string {
  if (status === 422 && typeof detail['pointer'] === 'string') return 'Invalid Attribute'
  return (common.has(code) ? titles[status] : code) ?? code
}

/** What is wrong with the value of a query parameter or header: 422 with its name. */
export function invalidParameter(parameter: string, reason: string): Problem {
  return new Problem('invalid_parameter', reason, { detail: { parameter } })
}

/** A body that is no JSON-API document of the kind asked for (files 5.1). */
export function badBody(): Problem {
  return new Problem('bad_request', 'JSON input is malformed or is missing mandatory fields')
}

/** What is no `Problem` is ours: the client learns nothing of it, the log everything. */
function asProblem(error: unknown, c: HttpContext, log: Log): Problem {
  if (error instanceof Problem) {
    if (error.status >= 500) logFailure(log, c, error)
    return error
  }
  logFailure(log, c, error)
  return new Problem('internal_server_error', 'The server failed; its log says why.')
}

function headersOf({ status, detail }: Problem): Readonly<Record<string, string>> {
  const { token, allow, headers } = detail
  const given = typeof headers === 'object' ? (headers as Readonly<Record<string, string>>) : {}
  if (token === 'missing') return { 'www-authenticate': 'Bearer', ...given }
  if (typeof token === 'string') {
    const expired = token === 'expired' ? ' error_description="The access token expired"' : ''
    return { 'www-authenticate': `Bearer error="invalid_token"${expired}`, ...given }
  }
  if (typeof allow === 'string') return { allow, ...given }
  return status === 503 ? { 'retry-after': '5', ...given } : given
}

/** The words that clients look for to fetch a new token. */
function tokenWords(token: string, reason: string): string {
  if (token === 'missing') return 'No token in request'
  if (token === 'expired') return 'Expired token'
  return token === 'invalid' ? 'Invalid JWT token' : reason
}
