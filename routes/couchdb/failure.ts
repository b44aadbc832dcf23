/** How this face words failures: CouchDB's `{error, reason}`, always JSON (decisions 5, 20). */
import type { BulkOutcome, WriteOutcome } from '../../src/documents/service.ts'
import { Problem } from '../../src/errors.ts'
import type { Log } from '../../src/log.ts'
import { jsonValue } from '../http/answer.ts'
import type { HttpContext } from '../http/router.ts'
import { logFailure } from '../observe.ts'

/** The sentences that CouchDB's clients read. */
export const words = {
  databaseMissing: 'Database does not exist.',
  databaseExists: 'The database could not be created, the file already exists.',
  databaseName: (name: string) =>
    `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, ` +
    'and / are allowed. Must begin with a letter.',
  databaseRev: 'You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?',
  conflict: 'Document update conflict.',
  missing: 'missing',
  deleted: 'deleted',
  forbidden: 'Your token does not allow this. Ask for one whose scope covers it.',
  noToken: 'You are not authorized to access this db.',
  badToken: 'The token is not valid.',
  expiredToken: 'The token has expired.',
  badLogin: 'Name or password is incorrect.',
  unknownHost: (host: string) => `No instance is served under the host ${host}.`,
  contentType: 'Content-Type must be application/json',
} as const

export const noDocument = (kind: 'missing' | 'deleted') => new Problem('not_found', words[kind])
export const conflict = () => new Problem('conflict', words.conflict)
export const refused = () => new Problem('forbidden', words.forbidden)

/** A deletion's or copy's id and revision; throws what CouchDB answers for every other outcome. */
export function written(outcome: WriteOutcome): { readonly id: string; readonly rev: string } {
  switch (outcome.kind) {
    case 'ok':
      return outcome
    case 'conflict':
      throw conflict()
    case 'forbidden':
      throw new Problem('forbidden', outcome.reason)
    default:
      throw noDocument(outcome.kind)
  }
}

/** The same for an edit: a revision of what is deleted or was never there is a conflict, not an absence. */
export function edited(outcome: WriteOutcome): { readonly id: string; readonly rev: string } {
  if (outcome.kind === 'missing' || outcome.kind === 'deleted') throw conflict()
  return written(outcome)
}

/** One row of an answer to `_bulk_docs`. */
export function outcomeRow(outcome: BulkOutcome): object {
  switch (outcome.kind) {
    case 'ok':
      return { ok: true, id: outcome.id, rev: outcome.rev }
    case 'forbidden':
      return { id: outcome.id, error: 'forbidden', reason: outcome.reason }
    case 'no_database':
      return { id: outcome.id, error: 'not_found', reason: words.databaseMissing }
    default:
      return { id: outcome.id, error: 'conflict', reason: words.conflict }
  }
}

/** Renders everything that a handler threw. What is no `Problem` is ours: the log learns of it, the client does not. */
export function couchdbErrors(log: Log): (error: unknown, c: HttpContext) => Response {
  return (error, c) => {
    const problem = error instanceof Problem ? error : unexpected(error)
    if (problem.status >= 500 && problem.code !== 'not_implemented') {
      logFailure(log, c, error)
    }
    const { detail } = problem
    if (typeof detail['token'] === 'string') return tokenFailure(c, detail['token'])
    if (typeof detail['host'] === 'string') {
      return jsonValue(c, 404, { error: 'not_found', reason: words.unknownHost(detail['host']) })
    }
    const headers: Record<string, string> = typeof detail['allow'] === 'string' ? { allow: detail['allow'] } : {}
    if (problem.status === 503) headers['retry-after'] = '5'
    if (typeof detail['contentRange'] === 'string') headers['content-range'] = detail['contentRange']
    const { code, reason } = problem
    const body =
      code === 'no_database' ? { error: 'not_found', reason: words.databaseMissing } : { error: code, reason }
    return jsonValue(c, problem.status, body, headers)
  }
}

/** Missing, bad and expired tokens are 401 here, since CouchDB's clients know nothing else (decisions 5). */
function tokenFailure(c: HttpContext, token: string): Response {
  const headers = { 'www-authenticate': token === 'missing' ? 'Bearer' : 'Bearer error="invalid_token"' }
  const reasons: Readonly<Record<string, string>> = {
    missing: words.noToken,
    expired: words.expiredToken,
    login: words.badLogin,
  }
  return jsonValue(c, 401, { error: 'unauthorized', reason: reasons[token] ?? words.badToken }, headers)
}

function unexpected(cause: unknown): Problem {
  return new Problem('internal_server_error', 'The server failed; its log says why.', { cause })
}
