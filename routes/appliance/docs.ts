import type { Face } from '../http/endpoint.ts'
import type { HttpRouter } from '../http/router.ts'
import { prefix } from './paths.ts'

const policy = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'"

/** `GET /docs`: the API on a page, made from what the routes say of themselves. */
export function docsRoute(router: HttpRouter, { registry }: Face): void {
  const rows = registry.definitions.flatMap((definition) => {
    if (definition.type !== 'route') return []
    const { method, path, summary = '' } = definition.route
    return [
      `<tr><td>${method.toUpperCase()}</td><td><code>${escaped(path)}</code></td><td>${escaped(summary)}</td></tr>`,
    ]
  })
  const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Appliance API</title>
<meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}
td{padding:.2rem 1rem .2rem 0;vertical-align:top}</style></head><body><h1>Appliance API</h1>
<p>Every request but the first <code>POST ${prefix}/setup</code> carries the token (<code>?token=</code>) or, better, a hash for its
method and path (<code>?hash=</code>): HMAC-SHA-256 over both, with the hexadecimal SHA-256 of the token as key.</p>
<pre>K=$(printf %s "$TOKEN" | openssl dgst -sha256 -r | cut -d' ' -f1)
H=$(printf %s "GET${prefix}/version" | openssl dgst -sha256 -hmac "$K" -r | cut -d' ' -f1)
curl "https://HOST:8443${prefix}/version?hash=$H"</pre>
<p>Whoever sees a hash can repeat its request until the token changes. The machine-readable description is at
<a href="/openapi.json">/openapi.json</a>.</p><table>${rows.join('\n')}</table></body></html>`
  router.get(
    '/docs',
    () =>
      new Response(page, {
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy },
      }),
  )
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
