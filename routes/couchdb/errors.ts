/** How this face words failures: CouchDB's `{error, reason}`, always JSON. */
import type { BulkOutcome, WriteOutcome } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'

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
  token: {
    missing: 'You are not authorized to access this db.',
    invalid: 'The token is not valid.',
    expired: 'The token has expired.',
  },
  badLogin: 'Name or password is incorrect.',
  unknownHost: (host: string) => `No instance is served under the host ${host}.`,
  contentType: 'Content-Type must be application/json',
} as const

export const noDocument = (kind: 'missing' | 'deleted') => new Problem('not_found', words[kind])
export const conflict = () => new Problem('conflict', words.conflict)
/** A login with a token that is not valid. */
export const badLogin = () =>
  new Problem('unauthorized', words.badLogin, { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
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

/** `{error, reason}`, whatever failed. Missing, bad and expired tokens have words of their own. */
export function errorBody({ code, reason, identity }: Problem): object {
  if (identity?.kind === 'token') return { error: 'unauthorized', reason: words.token[identity.token] }
  if (identity?.kind === 'host') return { error: 'not_found', reason: words.unknownHost(identity.host) }
  return code === 'no_database' ? { error: 'not_found', reason: words.databaseMissing } : { error: code, reason }
}
