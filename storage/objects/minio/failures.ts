/** Failures of an S3 server, worded for clients: without addresses and keys. The log gets the original as the cause. */
import { S3Error } from 'minio'
import { Problem } from '../../../src/model/errors.ts'
import { SilentServer } from './transport.ts'

/** Codes of a full server. */
const full = new Set(['XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded', 'QuotaExceeded', 'InsufficientCapacity'])
/** Codes of servers that may succeed later. */
const passing = new Set([
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'InternalError',
  'ServiceUnavailable',
  'RequestTimeout',
  'OperationAborted',
  'XMinioServerNotInitialized',
])

/** The S3 code of a failure, or an empty string when there was no answer. */
export function codeOf(error: unknown): string {
  return error instanceof S3Error ? (error.code ?? '') : ''
}

/** The server has answered and will answer the same again: wrong keys, no rights, a name that it does not take. */
export function isRefusal(error: unknown): boolean {
  const code = codeOf(error)
  return code !== '' && !passing.has(code) && !full.has(code)
}

/** Worth another try: there was no answer, or one that says it may work later. A silent server has cost enough time already. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof SilentServer) && !isRefusal(error) && !full.has(codeOf(error))
}

/** The message for a client. */
export function s3Problem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const code = codeOf(error)
  if (full.has(code)) return new Problem('store_full', 'The object store is full.', { cause: error })
  const why = code === '' ? 'does not answer' : `answers ${code}`
  return new Problem('store_unavailable', `The object store ${why}.`, { cause: error })
}

/** Turns every failure into a Problem. */
export async function orProblem<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw s3Problem(error)
  }
}

/** The same, but `instead` for failures with one of `codes`. */
export async function unless<T, Instead>(
  codes: readonly string[],
  instead: Instead,
  work: () => Promise<T>,
): Promise<T | Instead> {
  try {
    return await work()
  } catch (error) {
    if (codes.includes(codeOf(error))) return instead
    throw s3Problem(error)
  }
}
