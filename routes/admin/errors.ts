/** The error bodies of the admin API (admin 1.3): JSON-API for what handlers refuse, plain ones for the rest. */
import { Problem } from '../../src/errors.ts'
import type { Log } from '../../src/log.ts'
import { type HttpContext, header } from '../http/router.ts'
import { jsonApi } from './json-api.ts'

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  422: 'Invalid Parameter',
}

/** A failure that is answered with its message only, in the form that `Accept` asks for. */
export function plainProblem(code: Problem['code'], message: string): Problem {
  return new Problem(code, message, { detail: { plain: true } })
}

/** Renders failures. The query string is not logged: it may hold a password. */
export function adminErrors(log: Log): (error: unknown, c: HttpContext) => Response {
  return (error, c) => {
    const problem = error instanceof Problem ? error : unexpected(error)
    if (problem.status >= 500) log.error('admin request failed', { method: c.req.method, path: c.req.path, error })
    return isPlain(problem)
      ? plain(c, problem)
      : jsonApi(
          c,
          problem.status,
          { errors: [errorObject(problem)] },
          problem.status === 503 ? { 'retry-after': '5' } : {},
        )
  }
}

/** What is no `Problem` is ours: the client learns nothing of it, the log everything. */
function unexpected(cause: unknown): Problem {
  return new Problem('internal_server_error', 'The server failed; its log says why.', { cause })
}

function isPlain({ code, detail }: Problem): boolean {
  return detail['plain'] === true || code === 'unauthorized' || code === 'forbidden' || code === 'method_not_allowed'
}

/** Failures of the storage keep its own names. `source` is always there. */
function errorObject({ code, reason, status, detail }: Problem): object {
  const storage = detail['storage'] === true || code === 'store_unavailable' || code === 'conflict'
  const title = storage ? code : (titles[status] ?? 'Unqualified error')
  const { parameter } = detail
  return { status: `${status}`, title, detail: reason, source: parameter === undefined ? {} : { parameter } }
}

function plain(c: HttpContext, { status, reason, detail }: Problem): Response {
  const message = status === 405 ? 'Method Not Allowed' : reason
  const [type, body] = inFormOf(header(c, 'accept') ?? '', message)
  const headers: Record<string, string> = { 'content-type': type, 'cache-control': 'no-store' }
  if (status === 401) headers['www-authenticate'] = 'Basic realm="admin"'
  if (typeof detail['allow'] === 'string') headers['allow'] = detail['allow']
  return new Response(c.req.method === 'HEAD' ? null : body, { status, headers })
}

function inFormOf(accept: string, message: string): readonly [type: string, body: string] {
  if (accept.includes('application/json')) return ['application/json', JSON.stringify({ error: message })]
  if (!accept.includes('text/html')) return ['text/plain; charset=utf-8', message]
  const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Error</title></head><body><h1>${text}</h1></body></html>`
  return ['text/html; charset=utf-8', page]
}
