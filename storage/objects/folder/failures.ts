/** Failures of the file system, worded for clients: without paths. The log gets the original as the cause. */
import { errnoOf } from '../../../src/model/errno.ts'
import { Problem } from '../../../src/model/errors.ts'

/** Awaits an operation of the file system; a refusal becomes `store_full` or `store_unavailable`. */
export async function disk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw diskProblem(error)
  }
}

/** The same, but `undefined` when there is no such file or folder, or a file where a folder should be. */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw diskProblem(error)
  }
}

function diskProblem(error: unknown): unknown {
  if (error instanceof Problem) return error
  const code = errnoOf(error)
  switch (code) {
    case '':
      return error
    case 'ENOSPC':
    case 'EDQUOT':
      return new Problem('store_full', 'The disk that holds the files is full.', { cause: error })
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return unavailable(`The folder that holds the files cannot be written (${code}).`, error)
    case 'ENOENT':
      return unavailable('The folder that holds the files is not there.', error)
    default:
      return unavailable(`The folder that holds the files does not work (${code}).`, error)
  }
}

function unavailable(reason: string, cause: unknown): Problem {
  return new Problem('store_unavailable', reason, { cause })
}
