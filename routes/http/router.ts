/**
 * The Hono application that every area of the HTTP interface is registered on. It routes on the request target as it
 * came over the wire: `%2F` stays inside its segment and `%2E` is not a dot segment.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Context, Hono } from 'hono'
import type { Upgrade } from '../../src/upgrade.ts'

/** What the server puts into `c.env`; both are absent for in-process requests (`app.request()`). */
export interface HttpEnv {
  Bindings: {
    readonly incoming?: IncomingMessage
    readonly outgoing?: ServerResponse
    /** In place of `outgoing` where a websocket is asked for. */
    readonly upgrade?: Upgrade
  }
}

export type HttpRouter = Hono<HttpEnv>
export type HttpContext = Context<HttpEnv>

/** A router whose paths are raw. `/data/T` and `/data/T/` are the same route; no redirect is ever sent. */
export function newRouter(): HttpRouter {
  return new Hono<HttpEnv>({ getPath: (request, options) => routePath(rawTarget(request, options?.env)) })
}

/** The raw request target without scheme and authority: path and query string, undecoded. */
export function target(c: HttpContext): string {
  return rawTarget(c.req.raw, c.env)
}

/**
 * One request header (name in lower case). Read from node's parsed headers where there are some, because building a
 * `Headers` object costs more than the rest of a small request.
 */
export function header(c: HttpContext, name: string): string | undefined {
  const incoming = c.env?.incoming
  if (incoming === undefined) return c.req.raw.headers.get(name) ?? undefined
  const value = incoming.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** The same as a function of the name, for what is decided from headers only. */
export function headerReader(c: HttpContext): (name: string) => string | undefined {
  return (name) => header(c, name)
}

function rawTarget(request: Request, env: HttpEnv['Bindings'] | undefined): string {
  const raw = env?.incoming?.url ?? request.url
  if (raw.startsWith('/')) return raw
  const authority = raw.indexOf('//')
  const path = authority < 0 ? -1 : raw.indexOf('/', authority + 2)
  return path < 0 ? '/' : raw.slice(path)
}

/** The path to match: no query, no trailing slash, and the slash of `_design%2Fx` and `_local%2Fx` written out. */
export function routePath(rawUrl: string): string {
  const query = rawUrl.indexOf('?')
  let path = query < 0 ? rawUrl : rawUrl.slice(0, query)
  if (path.length > 1 && path.endsWith('/')) path = path.slice(0, -1)
  return path.includes('%2') ? path.replace(/\/(_design|_local)%2[Ff]/, '/$1/') : path
}
