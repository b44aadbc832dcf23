/** The error bodies of the admin API: JSON-API for what handlers refuse, plain ones for the rest. */
import { Problem } from '../../src/model/errors.ts'
import { ErrorText } from '../http/errors.ts'
import { type HttpContext, header } from '../http/router.ts'

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  422: 'Invalid Parameter',
}

/** A failure that is answered with its message only, in the form that `Accept` asks for. */
export class PlainProblem extends Problem {}

/** A failure that is answered as `{"error": message}`, whatever `Accept` asks for. */
export class HandlerProblem extends Problem {}

/** As cozy-stack words each kind: JSON-API, plain, or an object with the message. */
export function errorBody(problem: Problem, c: HttpContext): unknown {
  if (problem instanceof HandlerProblem) {
    return new ErrorText('application/json', JSON.stringify({ error: problem.reason }))
  }
  return isPlain(problem) ? plainBody(problem, c) : { errors: [errorObject(problem)] }
}

function isPlain(problem: Problem): boolean {
  const { code } = problem
  return (
    problem instanceof PlainProblem || code === 'unauthorized' || code === 'forbidden' || code === 'method_not_allowed'
  )
}

/** Failures of the storage keep their own names. `source` is always present. */
function errorObject({ code, reason, status, source, title }: Problem): object {
  const storage = code === 'store_unavailable' || code === 'conflict' || code === 'no_database'
  return {
    status: `${status}`,
    title: title ?? (storage ? code : (titles[status] ?? 'Unqualified error')),
    detail: reason,
    source: source ?? {},
  }
}

function plainBody({ status, reason }: Problem, c: HttpContext): ErrorText {
  const message = status === 405 ? 'Method Not Allowed' : reason
  const accept = header(c, 'accept') ?? ''
  if (accept.includes('application/json')) {
    return new ErrorText('application/json', JSON.stringify({ error: message }))
  }
  if (!accept.includes('text/html')) return new ErrorText('text/plain; charset=utf-8', message)
  const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Error</title></head><body><h1>${text}</h1></body></html>`
  return new ErrorText('text/html; charset=utf-8', page)
}
