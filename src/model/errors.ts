/**
 * The only place where a failure gets a code and a status. Every face renders the same `Problem` in its own body format
 * (see routes/http/errors.ts); nothing else builds a status code for an error.
 */

/** Code to default HTTP status. CouchDB's error names where CouchDB has one. */
export const problems = {
  bad_arg: 400,
  bad_field: 400,
  bad_request: 400,
  content_md5_mismatch: 400,
  bad_id: 400,
  defined_id: 400,
  doc_validation: 400,
  illegal_database_name: 400,
  illegal_docid: 400,
  invalid_bookmark: 400,
  invalid_boolean: 400,
  invalid_array: 400,
  invalid_empty_string: 400,
  invalid_field: 400,
  invalid_fields: 400,
  invalid_fields_json: 400,
  invalid_field_name: 400,
  invalid_field_json: 400,
  invalid_index: 400,
  invalid_index_fields: 400,
  invalid_index_json: 400,
  invalid_index_name: 400,
  invalid_key: 400,
  invalid_list: 400,
  invalid_ddocs: 400,
  invalid_non_neg_integer: 400,
  invalid_operator: 400,
  invalid_pos_integer: 400,
  invalid_selector: 400,
  invalid_selector_json: 400,
  invalid_sort: 400,
  invalid_sort_dir: 400,
  invalid_sort_field: 400,
  invalid_sort_json: 400,
  invalid_string: 400,
  missing_required_key: 400,
  no_index: 400,
  no_usable_index: 400,
  not_supported: 400,
  query_parse_error: 400,
  unsupported_mixed_sort: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  no_database: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  conflict: 409,
  exists: 409,
  file_exists: 412,
  missing_stub: 412,
  document_too_large: 413,
  attachment_too_large: 413,
  precondition_failed: 412,
  too_large: 413,
  bad_content_type: 415,
  range_not_satisfiable: 416,
  requested_range_not_satisfiable: 416,
  invalid_parameter: 422,
  too_many_requests: 429,
  internal_server_error: 500,
  timeout: 500,
  not_implemented: 501,
  bad_gateway: 502,
  store_unavailable: 503,
  store_full: 507,
} as const

export type ProblemCode = keyof typeof problems

/** A request whose sender or addressee could not be identified. Each face words these in its own way. */
export type IdentityFailure =
  | { readonly kind: 'token'; readonly token: 'missing' | 'invalid' | 'expired' }
  | { readonly kind: 'host'; readonly host: string }

/** The part of a request that is wrong, as JSON-API names it: a query parameter or header, or a place in the body. */
export type ProblemSource = { readonly parameter: string } | { readonly pointer: string }

export interface ProblemOptions {
  /** Overrides the code's default status where a contract asks for another one. */
  readonly status?: number
  /** Sent with the answer on every face, names in lower case: `allow`, `content-range`, `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>
  readonly identity?: IdentityFailure | undefined
  readonly source?: ProblemSource | undefined
  /** Replaces the title that faces with titles (JSON-API) give to the status. */
  readonly title?: string | undefined
  /** Goes to the log only. */
  readonly cause?: unknown
}

/** A failure that a client may see. `reason` holds no path, no SQL and no secret. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly reason: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly identity: IdentityFailure | undefined
  readonly source: ProblemSource | undefined
  readonly title: string | undefined

  constructor(code: ProblemCode, reason: string, options: ProblemOptions = {}) {
    super(`${code}: ${reason}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.reason = reason
    this.status = options.status ?? problems[code]
    this.headers = options.headers ?? {}
    this.identity = options.identity
    this.source = options.source
    this.title = options.title
  }
}
