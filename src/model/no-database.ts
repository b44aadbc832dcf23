/** A database that does not exist: the store throws one `Problem` for whatever is asked of it, and each face words it. */
import { Problem } from './errors.ts'

export function noDatabase(): Problem {
  return new Problem('no_database', 'Database does not exist.')
}

export function isNoDatabase(error: unknown): boolean {
  return error instanceof Problem && error.code === 'no_database'
}

/** What `work` gives, or `value` where the database that it asks does not exist. Other errors pass. */
export async function orWithoutDatabase<Result, Value>(work: Promise<Result>, value: Value): Promise<Result | Value> {
  try {
    return await work
  } catch (error) {
    if (isNoDatabase(error)) return value
    throw error
  }
}
