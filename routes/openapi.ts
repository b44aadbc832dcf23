/** The description of the HTTP interface, assembled from what every route declared (OpenAPI 3.1). */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Face } from './http/endpoint.ts'
import type { HttpRouter } from './http/router.ts'

export interface OpenApiOptions {
  readonly version: string
}

/** The OpenAPI 3.1 document of some faces. */
export function openApiDocument(faces: readonly Pick<Face, 'registry'>[], { version }: OpenApiOptions): object {
  const all = new OpenAPIHono()
  all.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  all.openAPIRegistry.registerComponent('securitySchemes', 'basic', {
    type: 'http',
    scheme: 'basic',
    description: 'Any user name; the token is the password',
  })
  for (const { registry } of faces) {
    for (const definition of registry.definitions) {
      if (definition.type === 'route') all.openAPIRegistry.registerPath(definition.route)
    }
  }
  return all.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Hearth', version, description: 'A personal-cloud server: documents with CouchDB semantics.' },
    security: [{ bearer: [] }, { basic: [] }],
  })
}

/** Serves the document at `GET /openapi.json`, without a token. It is made at the first request and kept. */
export function openApiRoute(
  router: HttpRouter,
  faces: readonly Pick<Face, 'registry'>[],
  options: OpenApiOptions,
): void {
  let text: string | undefined
  router.get('/openapi.json', () => {
    text ??= JSON.stringify(openApiDocument(faces, options))
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  })
}
