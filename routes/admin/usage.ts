/** How much an instance holds, and under which names. */
import { z } from '@hono/zod-openapi'
import { builtinDesigns } from '../../src/documents/builtin-designs.ts'
import { quotaOf } from '../../src/files/drive.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import { tenantPrefix } from '../../src/model/object-name.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import { textOf } from './request.ts'
import type { AdminServices } from './services.ts'

const needs = 'the admin passphrase'
const noInstance = { 404: 'No such instance', 422: 'Not a domain' } as const
const bytes = z.string().optional().describe('Absent when there is none')

export function usageRoutes(
  face: Face,
  { instances, driveOf, files, store }: Pick<AdminServices, 'instances' | 'driveOf' | 'files' | 'store'>,
): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/disk-usage',
      tag: 'instances',
      needs,
      summary: 'Show how much an instance holds',
      query: z.object({ include: textOf('`trash`: also how much of it is in the trash') }),
      answers: {
        200: z.object({
          used: z.string(),
          quota: bytes,
          doc_count: z.number().describe('Design documents included'),
          files: bytes,
          versions: bytes,
          versions_count: bytes,
          trashed: bytes,
        }),
        ...noInstance,
      },
    },
    async (_c, { path, query }) => {
      const instance = await instances.find(path.domain)
      const usage = await files.usage(await driveOf(instance), { trash: query.include === 'trash' })
      const count = async (name: string) => {
        const info = await orWithoutDatabase(store.databaseInfo({ prefix: instance.prefix, name }), undefined)
        return (info?.docCount ?? 0) + builtinDesigns(name).length
      }
      const [documents, versions] = [await count('io.cozy.files'), await count('io.cozy.files.versions')]
      const some = (name: string, value: number | undefined) => (value ? { [name]: `${value}` } : {})
      return json(200, {
        used: `${usage.used}`,
        ...some('quota', quotaOf(instance.document['disk_quota'])),
        doc_count: documents,
        ...some('files', usage.files),
        ...some('versions', usage.versions),
        ...some('versions_count', versions),
        ...some('trashed', usage.trash),
      })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/instances/{domain}/swift-prefix',
      tag: 'objects',
      needs,
      summary: 'Show where the objects of an instance are',
      answers: { 200: z.object({ container: z.string(), key_prefix: z.string() }), ...noInstance },
    },
    async (_c, { path }) => {
      const { prefix } = await instances.find(path.domain)
      return json(200, { container: `cozy-v3-${prefix}`, key_prefix: tenantPrefix(prefix) })
    },
  )
}
