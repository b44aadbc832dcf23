import type { Problem } from '../../src/model/errors.ts'

/** The body of every failure of the sync API. */
export function errorBody({ code, status, reason }: Problem): object {
  return { status: 'error', reason: wordsOf(code, status, reason) }
}

function wordsOf(code: Problem['code'], status: number, reason: string): string {
  if (status === 405) return 'method not allowed'
  if (status === 413) return 'body too large'
  if (code === 'internal_server_error') return 'internal server error'
  return reason
}
