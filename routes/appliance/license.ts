import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { jsonAnswer } from './answer.ts'
import { report } from './report.ts'
import { fileField, readForm } from './request.ts'
import { FormOf, needs } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

const limits = { total: 1024 ** 2, each: 1024 ** 2 }

const License = z.object({
  app: z.string(),
  users: z.number(),
  expires: z.string(),
  name: z.string(),
  contact: z.string(),
})

/** The licence of the machine: `GET, POST /license`. */
export function licenseRoutes(face: Face, { appliance }: ApplianceServices): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/license',
      summary: 'Change the licence',
      tag: 'license',
      needs,
      body: FormOf('license: the enciphered licence, as a file'),
      bodyMedia: 'multipart/form-data',
      answers: { 200: License, 400: 'The file is missing or cannot be stored', 404: 'The licence is not valid' },
    },
    async (c) => {
      const license = await appliance.licenses.replace(fileField(await readForm(c, appliance, limits), 'license'))
      await report(c, appliance, { action: 'license.post', status: 200 })
      return jsonAnswer(200, license)
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/license',
      summary: 'What the licence says',
      tag: 'license',
      needs,
      query: z.object({ detail: z.string().optional().describe('1: also whether it has expired') }),
      answers: { 200: License, 404: 'There is no license, or it is not valid' },
    },
    async (_c, { query }) => {
      const license = await appliance.licenses.current()
      if (license === undefined) throw new Problem('not_found', '')
      if (query.detail !== '1') return jsonAnswer(200, license)
      const end = Date.parse(license.expires)
      return jsonAnswer(200, { ...license, expired: Number.isFinite(end) && end < Date.now() })
    },
  )
}
