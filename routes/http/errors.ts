/**
 * The one way from something thrown to an answer. Handlers throw a `Problem`; the handler made here logs it, masks what is
 * not a `Problem`, sets the status and headers, and asks the face only for the body.
 *
 * A new face needs a function for the body in its `errors.ts`:
 *
 * ```ts
 * export function errorBody({ code, reason }: Problem): object {
 *   return { error: code, message: reason }
 * }
 * ```
 *
 * and a `routes.ts` that makes the face and declares its URL space:
 *
 * ```ts
 * export function syncRoutes(services: SyncServices): Face {
 *   const face = newFace({ log: services.log, errorBody })
 *   entryRoutes(face, services) //  GET, PUT  /api/v1.0/entries/{name}
 *   refuseOtherMethods(face) //     405 with Allow on the paths so far
 *   face.router.all('*', (c) => face.onError(new Problem('not_found', 'There is nothing at this path.'), c))
 *   return face
 * }
 * ```
 *
 * Where a contract asks for more, in this order: a header of one failure is `new Problem(code, reason, { headers })`; a
 * wording for missing and bad tokens or unknown hosts is decided by `problem.identity`; a media type other than the face's
 * is an `ErrorText` instead of a value; some routes with other bodies than their face get `face.withErrorBody(otherBody)`.
 */

import type { Log } from '../../src/log.ts'
import { Problem } from '../../src/model/errors.ts'
import { logFailure } from '../observe.ts'
import { jsonValue } from './answer.ts'
import type { HttpContext } from './router.ts'

/** The body of a failure: a value to be sent as JSON, or an `ErrorText`. `problem.status` is what will be sent. */
export type ErrorBody = (problem: Problem, c: HttpContext) => unknown

/** A body that is not JSON in the face's media type. */
export class ErrorText {
  constructor(
    readonly media: string,
    readonly text: string,
  ) {}
}

export interface ErrorOptions {
  readonly log: Log
  readonly errorBody: ErrorBody
  /** Media type of JSON bodies. */
  readonly media: string
  /** Status of an invalid or expired token: 401, or the 400 that cozy-stack's clients know. */
  readonly invalidTokenStatus: 400 | 401
  /** Sent with every failure, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** Seconds after which a client may repeat a request that could not be answered. */
const retryAfterSeconds = 5

/** Makes the function that answers everything a handler threw. */
export function newErrorHandler(options: ErrorOptions): (error: unknown, c: HttpContext) => Response {
  return (error, c) => {
    const problem = withTokenStatus(error instanceof Problem ? error : masked(error), options.invalidTokenStatus)
    if (problem.status >= 500 && problem.status !== 501) logFailure(options.log, c, error)
    const headers = { ...options.headers, ...headersOf(problem) }
    const body = options.errorBody(problem, c)
    return body instanceof ErrorText
      ? textAnswer(c, problem.status, body, headers)
      : jsonValue(c, problem.status, body, { 'content-type': options.media, ...headers })
  }
}

/** What is not a `Problem` is our own fault: the log gets all of it, the client nothing. */
function masked(cause: unknown): Problem {
  return new Problem('internal_server_error', 'The server failed; its log says why.', { cause })
}

function withTokenStatus(problem: Problem, status: 400 | 401): Problem {
  const { code, reason, identity, status: own } = problem
  if (identity?.kind !== 'token' || identity.token === 'missing' || own === status) return problem
  return new Problem(code, reason, { ...problem, status })
}

function headersOf({ status, headers, identity }: Problem): Readonly<Record<string, string>> {
  const usual: Record<string, string> = {}
  if (status === 503) usual['retry-after'] = `${retryAfterSeconds}`
  if (identity?.kind === 'token') usual['www-authenticate'] = challenges[identity.token]
  return { ...usual, ...headers }
}

/** RFC 6750, section 3. Clients tell an expired token by its description. */
const challenges = {
  missing: 'Bearer',
  invalid: 'Bearer error="invalid_token"',
  expired: 'Bearer error="invalid_token" error_description="The access token expired"',
} as const

function textAnswer(
  c: HttpContext,
  status: number,
  { media, text }: ErrorText,
  headers: Readonly<Record<string, string>>,
): Response {
  const body = c.req.raw.method === 'HEAD' ? null : text
  return new Response(body, { status, headers: { 'content-type': media, ...headers } })
}
