import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { AdminServices } from './services.ts'

/** `GET /metrics` in Prometheus' text format. */
export function metricsRoutes(face: Face, { metrics }: Pick<AdminServices, 'metrics'>): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/metrics',
      summary: 'What this process counts, for Prometheus',
      tag: 'operation',
      needs: 'the admin passphrase',
      answers: { 200: z.string().describe('Prometheus’ text format') },
    },
    async () => {
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }
      return new Response(await metrics.text(), { headers })
    },
  )
}
