/** A database that does not exist: the store throws one `Problem` for every operation on it, and each face words it. */
import { Problem } from './errors.ts'

export function noDatabase(): Problem {
  return new Problem('no_database', 'Database does not exist.')
}

export function isNoDatabase(error: unknown): boolean {
  return error instanceof Problem && error.code === 'no_database'
}

/** The result of `work`, or `value` where its database does not exist. Other errors are rethrown. */
export async function orWithoutDatabase<Result, Value>(work: Promise<Result>, value: Value): Promise<Result | Value> {
  try {
    return await work
  } catch (error) {
    if (isNoDatabase(error)) return value
    throw error
  }
}
