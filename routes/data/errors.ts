/**
 * The four error bodies of the data API. Routes of its own say `E1`, routes that cozy-stack passes on to CouchDB `E2`; what
 * is wrong with the shape of a request is `E3`, and authentication, permissions and unknown routes are `E4` everywhere.
 */
import { STATUS_CODES } from 'node:http'
import { Problem, type ProblemCode, problems } from '../../src/model/errors.ts'
import { ErrorText } from '../http/errors.ts'
import { type HttpContext, header } from '../http/router.ts'

/** A failure with the same body on all routes. */
class WordedProblem extends Problem {
  constructor(
    code: ProblemCode,
    reason: string,
    readonly body: unknown,
  ) {
    super(code, reason)
  }
}

/** A document that does not exist: routes of the data API's own say more about it. */
class MissingDocument extends Problem {
  constructor(
    reason: string,
    readonly more: { readonly title: string; readonly details: string; readonly links: { readonly about: string } },
  ) {
    super('not_found', reason)
  }
}

/** E3: `{"error":"Bad Request(400): reason"}`. */
export function requestProblem(reason: string): Problem {
  return new WordedProblem('bad_request', reason, { error: `Bad Request(400): ${reason}` })
}

/** E4: `{"error":"code=403, message=reason"}`. */
export function frameworkProblem(code: ProblemCode, reason: string): Problem {
  return new WordedProblem(code, reason, framework(problems[code], reason))
}

/** A body unlike those of all other failures, as cozy-stack answers it. */
export function bareProblem(code: ProblemCode, body: unknown): Problem {
  return new WordedProblem(code, typeof body === 'string' ? body : code, body)
}

/** A document that does not exist. */
export function missingDocument(type: string, id: string, reason: 'missing' | 'deleted' | 'wrong_doctype'): Problem {
  const noun = typeNoun(type)
  const words = { missing: 'missing', deleted: 'deleted', wrong_doctype: 'missing' }[reason]
  const details = {
    missing: `${noun} ${id} does not exist`,
    deleted: `${noun} ${id} was deleted`,
    wrong_doctype: `There is no document of the type ${type}`,
  }[reason]
  const links = { about: `https://cozy.github.io/cozy-stack/errors.md#${reason}` }
  return new MissingDocument(reason, { title: `${noun} ${words}`, details, links })
}

export const documentConflict = () => new Problem('conflict', 'Document update conflict.')

/** Failures of the data API's own routes (E1). */
export function ownErrorBody(problem: Problem, c: HttpContext): unknown {
  return commonBody(problem, c) ?? ownBody(wordMissingDatabase(problem, c))
}

/** Failures of routes that cozy-stack passes on to CouchDB (E2). */
export function couchErrorBody(problem: Problem, c: HttpContext): unknown {
  return commonBody(problem, c) ?? namedReason(wordMissingDatabase(problem, c))
}

/** Failures of the routes of references, JSON-API in all but these: E3 with the title of their status. */
export function referencesErrorBody(problem: Problem, c: HttpContext): unknown {
  const { status, reason } = problem
  const body = commonBody(problem, c) ?? { error: `${STATUS_CODES[status]}(${status}): ${reason}` }
  return body instanceof ErrorText ? body : new ErrorText('application/json', JSON.stringify(body))
}

function ownBody(problem: Problem): object {
  const { status } = problem
  return { ok: false, status, ...namedReason(problem), ...(problem instanceof MissingDocument ? problem.more : {}) }
}

/** A document whose type has no database is reported as a document that does not exist. */
function wordMissingDatabase(problem: Problem, c: HttpContext): Problem {
  if (problem.code !== 'no_database') return problem
  const { type, id } = c.req.param() as { readonly type?: string; readonly id?: string }
  const isDocument = type !== undefined && id !== undefined && !c.req.path.includes('/_local/')
  return isDocument ? missingDocument(type, id, 'wrong_doctype') : new Problem('not_found', 'Database does not exist.')
}

function namedReason({ code, reason }: Problem): { readonly error: string; readonly reason: string } {
  return { error: code, reason }
}

/** Failures that both kinds of routes word in the same way. */
function commonBody(problem: Problem, c: HttpContext): unknown {
  const { identity, status, code, reason } = problem
  if (identity?.kind === 'host') return unknownInstance(problem, identity.host, c)
  if (identity?.kind === 'token') return framework(status, tokenWords[identity.token])
  if (problem instanceof WordedProblem) return problem.body
  if (code === 'forbidden') return framework(status, reason)
  return code === 'method_not_allowed' ? framework(status, 'Method Not Allowed') : undefined
}

const tokenWords = {
  missing: 'No token in request',
  invalid: 'Invalid JWT token',
  expired: 'Expired token',
} as const

/** Errors from before any route: JSON-API, unless the client asks for plain JSON. */
function unknownInstance({ status, code, reason }: Problem, host: string, c: HttpContext): unknown {
  if (header(c, 'accept')?.includes('application/json') === true) return { error: reason }
  const detail = `There is no instance for the host ${host}`
  const body = { errors: [{ status: `${status}`, title: 'Not Found', code, detail, source: {} }] }
  return new ErrorText('application/vnd.api+json', JSON.stringify(body))
}

function framework(status: number, message: string): object {
  return { error: `code=${status}, message=${message}` }
}

/** `Event` for `io.cozy.events`, as in the examples of cozy-stack's docs/data-system.md. */
function typeNoun(type: string): string {
  const last = type.slice(type.lastIndexOf('.') + 1).replaceAll('_', ' ')
  const singular = last.length > 1 && last.endsWith('s') ? last.slice(0, -1) : last
  return singular.charAt(0).toUpperCase() + singular.slice(1)
}
