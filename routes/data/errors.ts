/**
 * The four error bodies of the data API (documents 2). Routes of its own say `E1`, routes passed on to CouchDB `E2`; what
 * is wrong with the shape of a request is `E3`, and authentication, permissions and unknown routes are `E4` everywhere.
 */
import { Problem, type ProblemCode } from '../../src/errors.ts'
import type { Log } from '../../src/log.ts'
import { jsonValue } from '../http/answer.ts'
import { type HttpContext, header } from '../http/router.ts'
import { logFailure } from '../observe.ts'

/** E3: `{"error":"Bad Request(400): reason"}`. */
export function requestProblem(reason: string): Problem {
  return new Problem('bad_request', reason, { detail: { shape: 'request' } })
}

/** E4: `{"error":"code=403, message=reason"}`. */
export function frameworkProblem(code: ProblemCode, reason: string): Problem {
  return new Problem(code, reason, { detail: { shape: 'framework' } })
}

/** A body of its own, where the contract has one. */
export function bareProblem(code: ProblemCode, body: unknown): Problem {
  return new Problem(code, typeof body === 'string' ? body : code, { detail: { shape: 'bare', body } })
}

/** A document that is not there: the seed's richer body (documents 2, E1). */
export function missingDocument(type: string, id: string, reason: 'missing' | 'deleted' | 'wrong_doctype'): Problem {
  const noun = typeNoun(type)
  const words = { missing: 'missing', deleted: 'deleted', wrong_doctype: 'missing' }[reason]
  const details = {
    missing: `${noun} ${id} does not exist`,
    deleted: `${noun} ${id} was deleted`,
    wrong_doctype: `There is no document of the type ${type}`,
  }[reason]
  const links = { about: `https://cozy.github.io/cozy-stack/errors.md#${reason}` }
  return new Problem('not_found', reason, { detail: { title: `${noun} ${words}`, details, links } })
}

export const documentConflict = () => new Problem('conflict', 'Document update conflict.')

/** What rendering needs to know beside the failure. */
export interface ErrorContext {
  readonly log: Log
  /** Status of an invalid or expired token (documents D-5). */
  readonly expiredStatus: 400 | 401
}

/** Renders failures of the data API's own routes (E1). */
export function ownErrors(context: ErrorContext): (error: unknown, c: HttpContext) => Response {
  return (error, c) => render(error, c, context, (problem) => storageBody(wordMissingDatabase(problem, c)))
}

/** Renders failures of routes that the original passes on to CouchDB (E2). */
export function couchErrors(context: ErrorContext): (error: unknown, c: HttpContext) => Response {
  return (error, c) =>
    render(error, c, context, (problem) => {
      const { code, reason } = wordMissingDatabase(problem, c)
      return { error: code, reason }
    })
}

function render(
  error: unknown,
  c: HttpContext,
  { log, expiredStatus }: ErrorContext,
  body: (problem: Problem) => object,
): Response {
  const problem = asProblem(error, c, log)
  const { detail } = problem
  if (typeof detail['host'] === 'string') return unknownInstance(c, problem)
  if (typeof detail['token'] === 'string') return tokenError(c, problem, expiredStatus)
  if (detail['shape'] === 'bare') return jsonValue(c, problem.status, detail['body'])
  if (detail['shape'] === 'request') {
    return jsonValue(c, problem.status, { error: `Bad Request(${problem.status}): ${problem.reason}` })
  }
  const headers: Record<string, string> = typeof detail['allow'] === 'string' ? { allow: detail['allow'] } : {}
  if (detail['shape'] === 'framework' || problem.code === 'forbidden' || problem.code === 'method_not_allowed') {
    const message = problem.code === 'method_not_allowed' ? 'Method Not Allowed' : problem.reason
    return jsonValue(c, problem.status, framework(problem.status, message), headers)
  }
  if (problem.status === 503) headers['retry-after'] = '5'
  if (typeof detail['contentRange'] === 'string') headers['content-range'] = detail['contentRange']
  return jsonValue(c, problem.status, body(problem), headers)
}

/** A document of a type that has no database is told as a document that is not there. */
function wordMissingDatabase(problem: Problem, c: HttpContext): Problem {
  if (problem.code !== 'no_database') return problem
  const { type, id } = c.req.param() as { readonly type?: string; readonly id?: string }
  const isDocument = type !== undefined && id !== undefined && !c.req.path.includes('/_local/')
  return isDocument ? missingDocument(type, id, 'wrong_doctype') : new Problem('not_found', problem.reason)
}

function storageBody({ code, reason, status, detail }: Problem): object {
  const { title, details, links } = detail
  return { ok: false, status, error: code, reason, ...(title === undefined ? {} : { title, details, links }) }
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

/** A token that is no good is 400, as clients expect, unless the settings say 401; a missing one is 401 (documents 2, 6.5). */
function tokenError(c: HttpContext, problem: Problem, status: 400 | 401): Response {
  const token = problem.detail['token']
  if (token === 'missing') {
    return jsonValue(c, 401, framework(401, 'No token in request'), { 'www-authenticate': 'Bearer' })
  }
  const invalid = 'Bearer error="invalid_token"'
  if (token === 'expired') {
    const description = 'error_description="The access token expired"'
    return jsonValue(c, status, framework(status, 'Expired token'), { 'www-authenticate': `${invalid} ${description}` })
  }
  const message = token === 'invalid' ? 'Invalid JWT token' : problem.reason
  return jsonValue(c, status, framework(status, message), { 'www-authenticate': invalid })
}

/** Errors from before any route: JSON-API, unless the client asks for plain JSON (documents 2, last point). */
function unknownInstance(c: HttpContext, problem: Problem): Response {
  if (header(c, 'accept')?.includes('application/json') === true) {
    return jsonValue(c, problem.status, { error: problem.reason })
  }
  const title = 'Not Found'
  const detail = `There is no instance for the host ${problem.detail['host']}`
  const body = { errors: [{ status: `${problem.status}`, title, code: problem.code, detail, source: {} }] }
  return jsonValue(c, problem.status, body, { 'content-type': 'application/vnd.api+json' })
}

function framework(status: number, message: string): object {
  return { error: `code=${status}, message=${message}` }
}

/** `Event` for `io.cozy.events`, as the contract's examples word it. */
function typeNoun(type: string): string {
  const last = type.slice(type.lastIndexOf('.') + 1).replaceAll('_', ' ')
  const singular = last.length > 1 && last.endsWith('s') ? last.slice(0, -1) : last
  return singular.charAt(0).toUpperCase() + singular.slice(1)
}
