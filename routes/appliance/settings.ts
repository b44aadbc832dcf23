import { z } from '@hono/zod-openapi'
import { networkMode } from '../../src/appliance/network-settings.ts'
import { Problem } from '../../src/model/errors.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { accepted, jsonAnswer } from './answer.ts'
import { claiming, report } from './report.ts'
import { fileField, readForm } from './request.ts'
import { AcceptedBody, FormOf, needs } from './schemas.ts'
import type { ApplianceServices } from './services.ts'

const limits = { total: 256 * 1024, each: 256 * 1024 }

/** Network and application settings, and storage options: `GET, POST /settings`, `GET, POST /storage`. */
export function settingsRoutes(face: Face, { appliance }: ApplianceServices): void {
  const begin = (c: HttpContext, of: typeof appliance.settings | typeof appliance.storage) =>
    claiming(of.procedure, async () => of.begin(fileField(await readForm(c, appliance, limits), 'settings')))
  const form = { body: FormOf('settings: a JSON file'), bodyMedia: 'multipart/form-data' }
  const refused = { 400: 'The settings are not valid, or others are being applied', 413: 'Larger than 256 KiB' }

  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/settings',
      summary: 'Change the settings of the network and the application',
      tag: 'network',
      needs,
      ...form,
      answers: { 202: AcceptedBody, ...refused },
    },
    async (c) => {
      await report(c, appliance, { action: 'settings.post', target: await begin(c, appliance.settings), status: 202 })
      return accepted('/api/v1/admin/settings')
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/settings',
      summary: 'The settings that were applied last',
      tag: 'network',
      needs,
      query: z.object({ detail: z.string().optional().describe('1: with the mode and the last run') }),
      answers: { 200: z.object({ network: z.record(z.string(), z.string()), app: z.looseObject({}) }), 404: 'None' },
    },
    async (_c, { query }) => {
      const settings = await appliance.settings.applied()
      if (settings === undefined) throw new Problem('not_found', '')
      const { network, app } = settings
      if (query.detail !== '1') return jsonAnswer(200, { network, app })
      const { procedure } = appliance.settings
      const job = { status: procedure.state?.status ?? null, log: await procedure.log.tail() }
      return jsonAnswer(200, { network: { mode: networkMode(network), ...network }, app, job })
    },
  )
  endpoint(
    face,
    {
      method: 'POST',
      path: '/api/v1/admin/storage',
      summary: 'Change where the machine keeps its data from the next boot',
      tag: 'storage',
      needs,
      ...form,
      answers: { 202: AcceptedBody, ...refused },
    },
    async (c) => {
      await report(c, appliance, { action: 'storage.post', target: await begin(c, appliance.storage), status: 202 })
      return accepted('/api/v1/admin/storage')
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1/admin/storage',
      summary: 'The storage options that were stored last',
      tag: 'storage',
      needs,
      answers: {
        200: z.object({ storage: z.record(z.string(), z.string()), options: z.array(z.string()) }),
        404: 'None',
      },
    },
    async () => {
      const stored = await appliance.storage.stored()
      if (stored === undefined) throw new Problem('not_found', '')
      return jsonAnswer(200, { storage: stored.storage, options: stored.options })
    },
  )
}
