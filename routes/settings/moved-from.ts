/** `DELETE /settings/instance/moved_from`: the owner has seen where the data came from. */
import { settingsId } from '../../src/instances/records.ts'
import { enter, refused } from '../files/access.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { settingsDoctype } from './doctype.ts'
import type { SettingsServices } from './services.ts'

export function movedFromRoute(face: Face, services: SettingsServices): void {
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/settings/instance/moved_from',
      summary: 'Forget from which server the data was moved here',
      tag: 'settings',
      needs: `DELETE on ${settingsId}`,
      answers: { 204: 'It is forgotten' },
    },
    async (c) => {
      const { instance, permissions } = await enter(c, services)
      if (!permissions.allowsDocument('DELETE', settingsDoctype, { _id: settingsId })) throw refused()
      await services.ownerSettings(instance, { moved_from: undefined })
      return new Response(null, { status: 204 })
    },
  )
}
