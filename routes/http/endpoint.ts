/**
 * Declares a route once: the path, the query's schema and the answers give the handler its types, the request its
 * checks and the OpenAPI document its text.
 */
import { OpenAPIHono, z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { type ErrorBody, type ErrorOptions, newErrorHandler } from './errors.ts'
import { type PathValues, pathReader, routePattern } from './path.ts'
import { query, rawQuery } from './query.ts'
import { type HttpContext, type HttpRouter, newRouter } from './router.ts'

/** What has been declared so far, for routes/openapi.ts. */
export type OpenApiRegistry = OpenAPIHono['openAPIRegistry']

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH' | 'COPY'

/** One family of routes with one way of rendering failures. */
export interface Face {
  readonly router: HttpRouter
  readonly registry: OpenApiRegistry
  /** Renders everything that a handler throws in the face's own body format. */
  readonly onError: (error: unknown, c: HttpContext) => Response
  /** The same routes, with other bodies for the failures of those declared on it. */
  readonly withErrorBody: (errorBody: ErrorBody) => Face
  /** Methods by path template, in order of registration; read by `refuseOtherMethods`. */
  readonly methods: Map<string, Method[]>
  /** Media type of JSON bodies: `application/json`, or that of JSON-API. */
  readonly media: string
}

export type FaceOptions = Pick<ErrorOptions, 'log' | 'errorBody'> & Partial<ErrorOptions>

/** An empty face. See `routes/http/errors.ts` for what a new one needs. */
export function newFace(chosen: FaceOptions): Face {
  const options: ErrorOptions = { media: 'application/json', invalidTokenStatus: 401, headers: {}, ...chosen }
  const { media } = options
  const onError = newErrorHandler(options)
  const withErrorBody = (errorBody: ErrorBody): Face => ({
    ...face,
    onError: newErrorHandler({ ...options, errorBody }),
  })
  const registry = new OpenAPIHono().openAPIRegistry
  const face: Face = { router: newRouter(), registry, onError, withErrorBody, methods: new Map(), media }
  return face
}

export interface Endpoint<Path extends string, Schema extends z.ZodType | undefined> {
  readonly method: Method
  /**
   * With names in braces: `/data/{type}/{id}`. A name holds one segment, which may contain an encoded slash; a last one with
   * a star (`{name*}`) holds all that follows.
   */
  readonly path: Path
  readonly summary: string
  readonly tag: string
  /** What the token must allow, in words; absent for routes that need no token. */
  readonly needs?: string
  /**
   * Reads the query string (last value of each name; unknown names are dropped). A transform may throw a `Problem`; any
   * other failure becomes `query_parse_error` with the issue's message.
   */
  readonly query?: Schema
  /** Request headers that matter, by name. */
  readonly headers?: Readonly<Record<string, string>>
  /** Describes the JSON body. Bodies are read by the handler: documents must keep their numbers and order. */
  readonly body?: z.ZodType
  /** Media type of the request's body where it is not the face's: `application/octet-stream` for any bytes. */
  readonly bodyMedia?: string
  /** Status to description, or to the schema of the JSON body (described by `.describe()`). */
  readonly answers: Readonly<Record<number, string | z.ZodType>>
}

export interface Input<Path extends string, Schema extends z.ZodType | undefined> {
  readonly path: PathValues<Path>
  readonly query: Schema extends z.ZodType ? z.output<Schema> : undefined
}

export type EndpointHandler<Path extends string, Schema extends z.ZodType | undefined> = (
  c: HttpContext,
  input: Input<Path, Schema>,
) => Response | Promise<Response>

/** Registers a handler on the face's router and its description in the face's registry. */
export function endpoint<const Path extends string, Schema extends z.ZodType | undefined = undefined>(
  face: Face,
  declaration: Endpoint<Path, Schema>,
  handler: EndpointHandler<Path, Schema>,
): void {
  const { method, path, query: schema } = declaration
  const readPath = pathReader(path)
  // Most requests have no query: its parsed form is computed once.
  const unasked = schema === undefined ? undefined : Object.freeze(schema.parse({}))
  face.router.on(method, routePattern(path), async (c) => {
    try {
      const asked = schema === undefined || rawQuery(c) === '' ? unasked : readQuery(schema, c)
      return await handler(c, { path: readPath(c.req.path), query: asked as Input<Path, Schema>['query'] })
    } catch (error) {
      return face.onError(error, c)
    }
  })
  face.methods.set(path, [...(face.methods.get(path) ?? []), method])
  describe(face, declaration)
}

/**
 * Answers 405 to other methods on the paths declared so far. Call it for fixed names (`/data/{type}/_find`) before
 * declaring a name in their place (`/data/{type}/{id}`), or a wrong method is taken for a document id.
 */
export function refuseOtherMethods(face: Face): void {
  for (const [path, methods] of face.methods) {
    const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(',')
    face.router.all(routePattern(path), (c) =>
      face.onError(new Problem('method_not_allowed', `Only ${allow} allowed`, { headers: { allow } }), c),
    )
  }
  face.methods.clear()
}

function readQuery(schema: z.ZodType, c: HttpContext): unknown {
  const result = schema.safeParse(query(c).toObject())
  if (result.success) return result.data
  throw new Problem('query_parse_error', result.error.issues[0]?.message ?? 'Invalid query string.')
}

function describe({ registry, media }: Face, declaration: Endpoint<string, z.ZodType | undefined>): void {
  const { method, query: schema, headers = {}, body, bodyMedia = media, needs } = declaration
  const path = declaration.path.replace('*}', '}')
  // OpenAPI knows no COPY.
  if (method === 'COPY') return
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
  const text = (names: readonly string[]) => z.object(Object.fromEntries(names.map((name) => [name, z.string()])))
  const optionalText = Object.entries(headers).map(([name, words]) => [name, z.string().optional().describe(words)])
  const parameters = schema instanceof z.ZodPipe ? schema.in : schema
  const responses: Record<string, object> = {}
  for (const [status, answer] of Object.entries(declaration.answers)) {
    responses[status] =
      typeof answer === 'string'
        ? { description: answer }
        : { description: answer.description ?? 'JSON', content: { [media]: { schema: answer } } }
  }
  registry.registerPath({
    method: method.toLowerCase() as Lowercase<Exclude<Method, 'COPY'>>,
    path,
    summary: declaration.summary,
    tags: [declaration.tag],
    ...(needs === undefined ? { security: [] } : { description: `Needs ${needs}.` }),
    request: {
      ...(names.length === 0 ? {} : { params: text(names) }),
      ...(parameters instanceof z.ZodObject ? { query: parameters } : {}),
      ...(optionalText.length === 0 ? {} : { headers: z.object(Object.fromEntries(optionalText)) }),
      ...(body === undefined ? {} : { body: { content: { [bodyMedia]: { schema: body } } } }),
    },
    responses,
  })
}
