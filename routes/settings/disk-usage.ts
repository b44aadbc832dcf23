/** `GET /settings/disk-usage`. */
import { z } from '@hono/zod-openapi'
import type { JsonObject } from '../../src/model/json/value.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import { enter, refused, type Visit } from '../files/access.ts'
import { jsonApi } from '../files/answer.ts'
import { textOf } from '../files/request.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { settingsDoctype } from './doctype.ts'
import type { SettingsServices } from './services.ts'

const id = 'io.cozy.settings.disk-usage'

export function diskUsageRoute(face: Face, services: SettingsServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/settings/disk-usage',
      summary: 'How much room files take, in bytes',
      tag: 'settings',
      needs: `GET on ${id}, or POST on some files`,
      query: z.object({ include: textOf('`trash`: what the trash takes too') }),
      answers: { 200: z.object({ data: z.looseObject({}) }) },
    },
    async (c, { query }) => {
      const visit = await enter(c, services)
      requireUsage(visit)
      const { used, files, versions, trash } = await services.files.usage(visit.drive, {
        trash: query.include === 'trash',
      })
      const { quota } = visit.drive
      // Numbers of bytes are text, like the sizes of files.
      const attributes: JsonObject = {
        used: `${used}`,
        ...(quota === undefined ? {} : { quota: `${quota}` }),
        files: `${files}`,
        versions: `${versions}`,
        ...(trash === undefined ? {} : { trash: `${trash}` }),
      }
      return jsonApi(c, 200, {
        data: { type: settingsDoctype, id, attributes, meta: {}, links: { self: '/settings/disk-usage' } },
      })
    },
  )
}

/** Who may upload may know how much room there is. */
function requireUsage({ permissions }: Visit): void {
  if (permissions.allowsDocument('GET', settingsDoctype, { _id: id })) return
  if (!permissions.allowsSome('POST', filesDoctype)) throw refused()
}
