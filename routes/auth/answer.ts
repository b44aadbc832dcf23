/** How pages and redirections are sent. */
import { createHash } from 'node:crypto'
import { styleSheet } from './pages/style.ts'

const styleHash = createHash('sha256').update(styleSheet).digest('base64')

export interface PageOptions {
  readonly status?: number
  /** `Set-Cookie` headers; those that are `undefined` are left out. */
  readonly cookies?: readonly (string | undefined)[]
  /** Further origins that the page's forms may lead to, even after a redirection (CSP `form-action`). */
  readonly formTargets?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** The one script of the page. */
  readonly script?: string | undefined
}

/** Headers of every page: at most one script runs on it, nothing is loaded, and it cannot be framed. */
export function pageHeaders(formTargets: readonly string[] = [], script?: string): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    ...(script === undefined ? [] : [`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`]),
    `form-action 'self' ${formTargets.join(' ')}`.trimEnd(),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  return {
    'cache-control': 'no-store',
    'content-security-policy': policy.join('; '),
    // Forms need the origin; other sites learn nothing.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
}

/** A page as text. */
export function pageText(page: { toString(): string | Promise<string> }): string {
  return `<!doctype html>${page}`
}

/** Sends a page. */
export function html(page: { toString(): string | Promise<string> }, options: PageOptions = {}): Response {
  const { status = 200, cookies = [], formTargets = [], headers = {}, script } = options
  const answer = new Response(pageText(page), {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', ...pageHeaders(formTargets, script), ...headers },
  })
  return withCookies(answer, cookies)
}

/** Redirects. 303 by default: the next request is a GET. */
export function redirect(
  location: string,
  { status = 303, cookies = [] }: { readonly status?: number; readonly cookies?: readonly (string | undefined)[] } = {},
): Response {
  return withCookies(new Response(null, { status, headers: { location, 'cache-control': 'no-store' } }), cookies)
}

/** Sends JSON that no cache may keep. */
export function json(
  status: number,
  value: unknown,
  { cookies = [], headers = {} }: Pick<PageOptions, 'cookies' | 'headers'> = {},
): Response {
  const answer = new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache', ...headers },
  })
  return withCookies(answer, cookies)
}

function withCookies(answer: Response, cookies: readonly (string | undefined)[]): Response {
  for (const one of cookies) if (one !== undefined) answer.headers.append('set-cookie', one)
  return answer
}

/** The source expression of CSP for a URL: its origin, or its scheme where that has none. */
export function formTarget(url: string): string {
  const web = /^https?:\/\/[^/?#\s;,']+/i.exec(url)?.[0]
  return web ?? `${/^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? ''}`
}
