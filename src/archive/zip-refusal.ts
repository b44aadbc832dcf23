import { Problem } from '../model/errors.ts'

/** 400: `what` continues "The archive". */
export function archiveRefused(what: string, cause?: unknown): Problem {
  return new Problem('bad_request', `The archive ${what}.`, { cause })
}
