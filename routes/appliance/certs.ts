import { z } from '@hono/zod-openapi'
import { endpoint, type Face } from '../http/endpoint.ts'
import { accepted, jsonAnswer } from './answer.ts'
import { claiming, report } from './report.ts'
import { fileField, readForm } from './request.ts'
import { AcceptedBody, FormOf, needs } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

const limits = { total: 3 * 256 * 1024, each: 256 * 1024 }

/** The certificate of this listener: `GET, POST /certs`. */
export function certsRoutes(face: Face, { appliance }: ApplianceServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/certs',
      summary: 'Replace the TLS certificate',
      tag: 'TLS',
      needs,
      body: FormOf('public, private and optionally ca: files in PEM'),
      bodyMedia: 'multipart/form-data',
      answers: { 202: AcceptedBody, 400: 'A file is missing, or another change goes on', 413: 'A file is too large' },
    },
    async (c) => {
      await claiming(appliance.certificates.procedure, async () => {
        const form = await readForm(c, appliance, limits)
        const ca = form.has('ca') ? fileField(form, 'ca') : undefined
        const upload = { public: fileField(form, 'public'), private: fileField(form, 'private'), ca }
        await appliance.certificates.begin(upload)
      })
      await report(c, appliance, { action: 'certs.post', status: 202 })
      return accepted('/api/v1/admin/certs')
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/certs',
      summary: 'How the last change of the certificate went',
      tag: 'TLS',
      needs,
      answers: { 200: z.object({ status: z.string().nullable(), log: z.string().nullable() }) },
    },
    async () => {
      const { state, log } = appliance.certificates.procedure
      return jsonAnswer(200, { status: state?.status ?? null, log: await log.tail() })
    },
  )
}
