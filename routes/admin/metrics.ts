import type { Metrics } from '../../src/metrics.ts'
import type { HttpRouter } from '../http/router.ts'

/** `GET /metrics` in Prometheus' text format. The router asks for the admin passphrase before. */
export function metricsRoutes(router: HttpRouter, metrics: Pick<Metrics, 'text'>): void {
  router.get('/metrics', () => {
    const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }
    return new Response(metrics.text(), { headers })
  })
}
