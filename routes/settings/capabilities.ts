/** `GET /settings/capabilities`: what clients may count on. */
import { z } from '@hono/zod-openapi'
import { enter } from '../files/access.ts'
import { jsonApi } from '../files/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { settingsDoctype } from './doctype.ts'
import type { SettingsServices } from './services.ts'

const id = 'io.cozy.settings.capabilities'

export function capabilitiesRoute(face: Face, services: SettingsServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/settings/capabilities',
      summary: 'What this server can do',
      tag: 'settings',
      needs: 'any valid token',
      answers: { 200: z.object({ data: z.looseObject({}) }) },
    },
    async (c) => {
      const { drive, instance } = await enter(c, services)
      const attributes = {
        file_versioning: drive.versioning.max > 0,
        // There are no applications to serve on subdomains.
        flat_subdomains: false,
        can_auth_with_password: true,
        can_auth_with_magic_links: instance.document['magic_link'] === true,
        can_auth_with_oidc: false,
      }
      return jsonApi(c, 200, {
        data: { type: settingsDoctype, id, attributes, meta: {}, links: { self: '/settings/capabilities' } },
      })
    },
  )
}
