/** The error bodies of the realtime routes: JSON-API (documents 7.6). */
import { STATUS_CODES } from 'node:http'
import { Problem } from '../../src/errors.ts'
import type { Log } from '../../src/log.ts'
import { jsonValue } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'
import { logFailure } from '../observe.ts'

export interface ErrorContext {
  readonly log: Log
  /** Status of an invalid or expired token (documents D-5). */
  readonly expiredStatus: 400 | 401
}

export function realtimeErrors({ log, expiredStatus }: ErrorContext): (error: unknown, c: HttpContext) => Response {
  return (error, c) => {
    const problem = error instanceof Problem ? error : unexpected(error)
    if (problem.status >= 500) logFailure(log, c, error)
    const token = problem.detail['token']
    const status = token === 'invalid' || token === 'expired' ? expiredStatus : problem.status
    const body = { errors: [{ status: `${status}`, title: STATUS_CODES[status], detail: problem.reason, source: {} }] }
    return jsonValue(c, status, body, { 'content-type': 'application/vnd.api+json', ...headersOf(problem, status) })
  }
}

/** What is no `Problem` is ours: the client learns nothing of it, the log everything. */
function unexpected(cause: unknown): Problem {
  return new Problem('internal_server_error', 'The server failed; its log says why.', { cause })
}

function headersOf({ detail, code }: Problem, status: number): Record<string, string> {
  if (typeof detail['allow'] === 'string') return { allow: detail['allow'] }
  if (status === 426) return { upgrade: 'websocket', connection: 'Upgrade' }
  if (code !== 'unauthorized') return {}
  return { 'www-authenticate': detail['token'] === 'missing' ? 'Bearer' : 'Bearer error="invalid_token"' }
}
