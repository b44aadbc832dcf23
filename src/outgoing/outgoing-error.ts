/** Why a request to another server failed, in words that may be shown to whoever named the address. */
export type OutgoingFailure =
  | 'bad_url'
  | 'forbidden_address'
  | 'unreachable'
  | 'timeout'
  | 'too_large'
  | 'too_many_redirects'
  | 'aborted'

/** A request that got no usable answer. Its message holds the host at most: no path, no query, no header. */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError'
  readonly failure: OutgoingFailure

  constructor(failure: OutgoingFailure, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.failure = failure
  }
}
