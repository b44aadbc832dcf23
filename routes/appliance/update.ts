import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { accepted, jsonAnswer, plainAnswer } from './answer.ts'
import { claiming, report } from './report.ts'
import { storeUpload } from './request.ts'
import { AcceptedBody, FormOf, needs } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

/** Updates of the machine: `GET, POST /update`, `GET /update/log`. */
export function updateRoutes(face: Face, { appliance }: ApplianceServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/update',
      summary: 'Update the machine with a package',
      tag: 'updates',
      needs,
      body: FormOf('update: the enciphered package, as a file'),
      bodyMedia: 'multipart/form-data',
      answers: { 202: AcceptedBody, 400: 'The file is missing, or an update goes on (E1004)', 413: 'Too large' },
    },
    async (c) => {
      await claiming(appliance.update.procedure, async () => {
        const { updateBytes: maxBytes } = appliance.limits()
        const upload = await storeUpload(c, appliance, { field: 'update', fileName: 'software_package.enc', maxBytes })
        await appliance.update.begin(upload)
      })
      await report(c, appliance, { action: 'update.post', status: 202 })
      return accepted('/api/v1/admin/update')
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/update',
      summary: 'How the last update went',
      tag: 'updates',
      needs,
      answers: {
        200: z.object({
          status: z.string().nullable(),
          percentage: z.number().optional(),
          log: z.string().nullable(),
          'error-message': z.string().optional(),
          'error-code': z.string().optional(),
        }),
      },
    },
    async () => {
      const { state, log } = appliance.update.procedure
      return jsonAnswer(200, {
        status: state?.status ?? null,
        ...(state !== undefined && { percentage: state.percentage ?? 0 }),
        log: await log.tail(),
        ...(state?.message !== undefined && { 'error-message': state.message }),
        ...(state?.code !== undefined && { 'error-code': state.code }),
      })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/update/log',
      summary: 'The log of the updates',
      tag: 'updates',
      needs,
      answers: { 200: 'Plain text', 404: 'There was none' },
    },
    async () => {
      const text = await appliance.update.procedure.log.read()
      if (text === undefined) throw new Problem('not_found', '')
      return plainAnswer(text)
    },
  )
}
