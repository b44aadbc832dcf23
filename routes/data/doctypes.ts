import { z } from '@hono/zod-openapi'
import { isReadableDoctype } from '../../src/model/doctypes.ts'
import { jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { enterWhole } from './access.ts'
import type { DataServices } from './services.ts'

/** `GET /data/_all_doctypes`: doctypes that have a database and may be read. */
export function doctypesRoute(face: Face, { documents, instances }: DataServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/data/_all_doctypes',
      summary: 'List the doctypes of an instance',
      tag: 'doctypes',
      needs: 'GET on io.cozy.doctypes',
      answers: { 200: z.array(z.string()).describe('Names in order') },
    },
    async (c) => {
      const { ref } = await enterWhole(c, instances, 'io.cozy.doctypes', 'GET', 'read')
      const names = await documents.listDatabases(ref.prefix)
      return jsonValue(c, 200, names.filter(isReadableDoctype))
    },
  )
}
