import { endpoint, type Face } from '../http/endpoint.ts'
import type { AdminServices } from './services.ts'

/** `DELETE /instances/DOMAIN`: the instance with all its data. */
export function deleteRoute(face: Face, { instances }: Pick<AdminServices, 'instances'>): void {
  endpoint(
    face,
    {
      method: 'DELETE',
      path: '/instances/{domain}',
      summary: 'Delete an instance and all its data',
      tag: 'instances',
      needs: 'the admin passphrase',
      answers: { 204: 'Deleted', 404: 'No such instance', 500: 'The deletion has already been requested' },
    },
    async (_c, { path }) => {
      await instances.remove(path.domain)
      return new Response(null, { status: 204 })
    },
  )
}
