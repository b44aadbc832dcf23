/** Liveness and readiness, on every listener and without authentication. */
import type { HttpRouter } from './http/router.ts'

/** The problem with the parts that readiness checks, worded for anyone; `undefined` when they are fine. */
export type ReadyCheck = () => Promise<string | undefined>

/** `GET /healthz`: the process answers. `GET /readyz`: its store answers too, else 503 with the reason. */
export function healthRoutes(router: HttpRouter, ready: ReadyCheck): void {
  router.get('/healthz', () => answer(200, { status: 'ok' }))
  router.get('/readyz', async () => {
    const reason = await ready()
    return reason === undefined ? answer(200, { status: 'ok' }) : answer(503, { status: 'unavailable', reason })
  })
}

function answer(status: number, body: Readonly<Record<string, string>>): Response {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return new Response(JSON.stringify(body), { status, headers })
}
