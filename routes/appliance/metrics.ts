import { endpoint, type Face } from '../http/endpoint.ts'
import { needs } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

/** `GET /metrics`: the machine for Prometheus, with the same credentials as everything else. */
export function metricsRoute(face: Face, { appliance }: ApplianceServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/metrics',
      summary: 'The machine and its procedures, for Prometheus',
      tag: 'information',
      needs,
      answers: { 200: 'Text format 0.0.4' },
    },
    async () => {
      appliance.health.sampler.start()
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }
      return new Response(await appliance.metrics(), { headers })
    },
  )
}
