import { Problem } from '../../../model/errors.ts'
import { DriverError, type DriverErrorCode } from '../error.ts'

/** Codes of S3 that say more than "not now". */
const codes: Readonly<Record<string, DriverErrorCode>> = {
  NoSuchKey: 'not_found',
  NotFound: 'not_found',
  PreconditionFailed: 'changed',
  AccessDenied: 'permission',
  InvalidAccessKeyId: 'options',
  SignatureDoesNotMatch: 'options',
  NoSuchBucket: 'options',
  KeyTooLongError: 'name',
  XMinioInvalidObjectName: 'name',
  XMinioParentIsObject: 'exists',
  XMinioObjectExistsAsDirectory: 'exists',
}

/** Runs `work`, turning failures of the client into a driver's. */
export async function onBucket<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof DriverError) throw error
    const cause = error instanceof Problem ? error.cause : error
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : ''
    if (error instanceof Problem && error.code === 'store_full') {
      throw new DriverError('space', `${name}: the server has no space left`, { cause: error })
    }
    throw new DriverError(codes[code] ?? 'unavailable', `${name}: ${code || 'the server does not answer'}`, {
      cause: error,
    })
  }
}
