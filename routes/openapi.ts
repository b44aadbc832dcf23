/** The description of the HTTP interface, assembled from what every route declared (OpenAPI 3.1). */
import { OpenAPIHono } from '@hono/zod-openapi'
import { type Described, docsRoute } from './docs.tsx'
import type { Face } from './http/endpoint.ts'
import type { HttpRouter } from './http/router.ts'

export interface OpenApiOptions {
  readonly version: string
  readonly title?: string
  /** How clients show who they are; both by default. */
  readonly schemes?: readonly ('bearer' | 'basic')[]
}

const schemesByName = {
  bearer: { type: 'http', scheme: 'bearer' },
  basic: { type: 'http', scheme: 'basic', description: 'Any user name; the token or passphrase is the password' },
} as const

/** The OpenAPI 3.1 document of some faces. */
export function openApiDocument(faces: readonly Pick<Face, 'registry'>[], options: OpenApiOptions): object {
  const { version, title = 'Hearth', schemes = ['bearer', 'basic'] } = options
  const all = new OpenAPIHono()
  for (const name of schemes) {
    all.openAPIRegistry.registerComponent('securitySchemes', name, schemesByName[name])
  }
  for (const { registry } of faces) {
    for (const definition of registry.definitions) {
      if (definition.type === 'route') all.openAPIRegistry.registerPath(definition.route)
    }
  }
  return all.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title, version, description: 'A personal-cloud server: documents with CouchDB semantics.' },
    security: schemes.map((name) => ({ [name]: [] })),
  })
}

/**
 * Serves the document at `GET /openapi.json`, and as a page at `GET /docs`, to anyone. Made at the first request and kept.
 */
export function openApiRoute(
  router: HttpRouter,
  faces: readonly Pick<Face, 'registry'>[],
  options: OpenApiOptions,
): void {
  let made: object | undefined
  let text: string | undefined
  const describe = () => {
    made ??= openApiDocument(faces, options)
    return made
  }
  docsRoute(router, () => describe() as Described)
  router.get('/openapi.json', () => {
    text ??= JSON.stringify(describe())
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  })
}
