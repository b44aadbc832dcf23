/** Counts and logs requests. On the hot path: no async function, no header, no string beyond the metrics' key. */
import type { MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Log } from '../src/log.ts'
import type { Metrics } from '../src/metrics.ts'
import { type HttpContext, type HttpEnv, header } from './http/router.ts'

export interface ObserveOptions {
  readonly listener: string
  readonly metrics: Pick<Metrics, 'request'>
  readonly log: Log
  /** Log every request (level debug); otherwise only those answered with 5xx. */
  readonly everything: boolean
}

/** The outermost middleware of a listener. Logs say the route's pattern, since paths hold people's data. */
export function observe({ listener, metrics, log, everything }: ObserveOptions): MiddlewareHandler<HttpEnv> {
  return (c, next) => {
    const started = performance.now()
    return next().then(() => {
      const { status } = c.res
      const { method } = c.req
      const route = routePath(c)
      const ms = performance.now() - started
      metrics.request(listener, method, route, status, ms / 1000)
      if (status < 500 && !everything) return
      const detail = { request: requestId(c), listener, method, route, status, ms: Math.round(ms * 10) / 10 }
      if (status < 500) log.debug('request', detail)
      else log.warning('request answered with a failure', detail)
      c.env?.outgoing?.setHeader('x-request-id', detail.request)
    })
  }
}

/** Writes why a request failed. The line that `observe` writes about the same request carries the same id. */
export function logFailure(log: Log, c: HttpContext, error: unknown): void {
  log.error('request failed', { request: requestId(c), method: c.req.method, route: routePath(c), error })
}

const ids = new WeakMap<object, string>()
const startedAt = Date.now().toString(36)
let count = 0

/**
 * The id that all log lines of one request carry: the client's or proxy's `X-Request-Id` when it is a plain word, else
 * one of our own. Made when first asked for.
 */
export function requestId(c: HttpContext): string {
  const key = c.env?.incoming ?? c
  const known = ids.get(key)
  if (known !== undefined) return known
  const offered = header(c, 'x-request-id')
  const id =
    offered !== undefined && /^[\w.-]{1,64}$/.test(offered) ? offered : `${startedAt}-${(count++).toString(36)}`
  ids.set(key, id)
  return id
}
