/** `GET /docs`: the description of a listener's routes as a page to read. Needs no script, no network and no passphrase. */
import { createHash } from 'node:crypto'
import { raw } from 'hono/html'
import type { HttpRouter } from './http/router.ts'

/** The part of an OpenAPI document that the page shows. */
export interface Described {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly description?: string
    readonly schema?: Schema
  }[]
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }
  readonly responses?: Readonly<
    Record<
      string,
      { readonly description?: string; readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }
    >
  >
}

type Schema = Readonly<Record<string, unknown>>

const style = `
:root { color-scheme: light dark; --line: #c9c9c3; --soft: #5c5c57; --main: #1a5fb4; }
@media (prefers-color-scheme: dark) { :root { --line: #4a4a50; --soft: #a9a9a3; --main: #78aeed; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { margin-top: 2rem; font-size: 1.2rem; border-bottom: 1px solid var(--line); }
details { border-bottom: 1px solid var(--line); } summary { padding: .5rem 0; cursor: pointer; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid var(--line); border-radius: .5rem; }
dl { margin: 0 0 1rem 1rem; } dt { overflow-wrap: anywhere; } dd { margin: 0 0 .5rem 1rem; color: var(--soft); }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; color: var(--main); }
nav a { margin-right: 1rem; } a { color: var(--main); }
`
const styleHash = createHash('sha256').update(style).digest('base64')

/** Serves the page. It is made at the first request and kept. */
export function docsRoute(router: HttpRouter, describe: () => Described): void {
  let page: string | undefined
  router.get('/docs', () => {
    page ??= `<!doctype html>${docsPage(describe())}`
    return new Response(page, {
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'; base-uri 'none'`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-cache',
      },
    })
  })
}

function docsPage({ info, paths }: Described) {
  const groups = groupsOf(paths)
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{info.title}</title>
        <style>{raw(style)}</style>
      </head>
      <body>
        <h1>
          {info.title} {info.version}
        </h1>
        <p>{info.description}</p>
        <p>
          <a href="/openapi.json">openapi.json</a>
        </p>
        <nav>
          {[...groups.keys()].map((tag) => (
            <a href={`#${anchor(tag)}`}>{tag}</a>
          ))}
        </nav>
        {[...groups].map(([tag, operations]) => (
          <section>
            <h2 id={anchor(tag)}>{tag}</h2>
            {operations.map(({ method, path, operation }) => (
              <details>
                <summary>
                  <span class="method">{method.toUpperCase()}</span> <code>{path}</code> {operation.summary}
                </summary>
                {operation.description && <p>{operation.description}</p>}
                <Parameters operation={operation} />
                <Bodies title="Body" content={operation.requestBody?.content} />
                <dl>
                  {Object.entries(operation.responses ?? {}).map(([status, response]) => (
                    <>
                      <dt>
                        <strong>{status}</strong> {response.description}
                      </dt>
                      <dd>
                        <Bodies content={response.content} />
                      </dd>
                    </>
                  ))}
                </dl>
              </details>
            ))}
          </section>
        ))}
      </body>
    </html>
  )
}

function Parameters({ operation: { parameters = [] } }: { readonly operation: Operation }) {
  if (parameters.length === 0) return null
  return (
    <dl>
      {parameters.map(({ name, in: place, required, description }) => (
        <>
          <dt>
            <code>{name}</code> ({place}
            {required ? ', required' : ''})
          </dt>
          <dd>{description}</dd>
        </>
      ))}
    </dl>
  )
}

function Bodies({
  title,
  content = {},
}: {
  readonly title?: string
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> | undefined
}) {
  return (
    <>
      {Object.entries(content).map(([media, { schema }]) => (
        <>
          <p>
            {title} <code>{media}</code>
          </p>
          {schema && <pre>{JSON.stringify(schema, null, 2)}</pre>}
        </>
      ))}
    </>
  )
}

function groupsOf(paths: Described['paths']) {
  const groups = new Map<string, { readonly method: string; readonly path: string; readonly operation: Operation }[]>()
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? 'other'
      const group = groups.get(tag) ?? []
      group.push({ method, path, operation })
      groups.set(tag, group)
    }
  }
  return groups
}

function anchor(tag: string): string {
  return tag.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}
