/** The one kind of error that drivers throw; everything else is a bug. */

export type DriverErrorCode =
  /** The file is not there. */
  | 'not_found'
  /** Something is at the name already. */
  | 'exists'
  /** The file is not the one that was seen. */
  | 'changed'
  | 'permission'
  /** The place cannot have a file of this name. */
  | 'name'
  | 'space'
  /** May work later. */
  | 'unavailable'
  /** What was stored reads back differently. */
  | 'corrupt'
  /** The options can never work. */
  | 'options'

export class DriverError extends Error {
  override readonly name = 'DriverError'
  readonly code: DriverErrorCode
  /** Milliseconds after which the place asked to be tried again. */
  readonly retryAfterMs: number | undefined

  constructor(code: DriverErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The code of a driver's error, or `undefined` for anything else. */
export function driverCode(error: unknown): DriverErrorCode | undefined {
  return error instanceof DriverError ? error.code : undefined
}
