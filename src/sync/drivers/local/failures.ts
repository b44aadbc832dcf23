/** Turns errors of the file system into those of the engine. */
import { errnoOf } from '../../../model/errno.ts'
import { DriverError, type DriverErrorCode } from '../error.ts'

const codes: Readonly<Record<string, DriverErrorCode>> = {
  ENOENT: 'not_found',
  ENOTDIR: 'not_found',
  EEXIST: 'exists',
  EISDIR: 'exists',
  ENOTEMPTY: 'exists',
  EACCES: 'permission',
  EPERM: 'permission',
  EROFS: 'permission',
  // Another file system is mounted on the way: nothing can be put there in one step.
  EXDEV: 'permission',
  ENAMETOOLONG: 'name',
  EILSEQ: 'name',
  EINVAL: 'name',
  ELOOP: 'name',
  ENOSPC: 'space',
  EDQUOT: 'space',
  EFBIG: 'space',
}

/** A driver's error for a failure of the file system. `name` is the file that it is about. */
export function localError(error: unknown, name: string): DriverError {
  if (error instanceof DriverError) return error
  const errno = errnoOf(error)
  return new DriverError(codes[errno] ?? 'unavailable', `${name || 'the folder'}: ${errno || String(error)}`, {
    cause: error,
  })
}

/** Runs `work`, translating its failures. */
export async function onDisk<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw localError(error, name)
  }
}
