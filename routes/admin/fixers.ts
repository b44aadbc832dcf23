import { z } from '@hono/zod-openapi'
import type { FixedFile } from '../../src/fsck/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { isObject } from '../../src/model/json/value.ts'
import { readOptionalJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { goTime } from './go-time.ts'
import { json } from './json-api.ts'
import type { AdminServices } from './services.ts'

const maxBytes = 65_536

const body = z.object({ dry_run: z.boolean().default(true) })

const fixed = z.object({ filepath: z.string(), id: z.string(), created_at: z.string(), updated_at: z.string() })
const answer = z
  .object({ dry_run: z.boolean(), updated: z.array(fixed), removed: z.array(fixed), domain: z.string() })
  .describe('What was done, or would be')

/** `POST /instances/DOMAIN/fixers/content-mismatch` (admin 8.4). */
export function fixerRoutes(
  face: Face,
  { instances, fsck, driveOf }: Pick<AdminServices, 'instances' | 'fsck' | 'driveOf'>,
): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/fixers/content-mismatch',
      summary: 'Repair files that lost the end of their content by whole blocks of 64 KiB',
      tag: 'instances',
      needs: 'the admin passphrase',
      body,
      answers: { 200: answer, 404: 'No such instance', 413: 'The body is too large', 422: 'Not a domain' },
    },
    async (c, { path }) => {
      const instance = await instances.find(path.domain)
      const dryRun = await isDryRun(c)
      const { updated, removed } = await fsck.fixContents(await driveOf(instance), { dryRun })
      return json(200, {
        dry_run: dryRun,
        updated: updated.map(shown),
        removed: removed.map(shown),
        domain: instance.domain,
      })
    },
  )
}

/** Only a body that says `"dry_run": false` changes anything; one that cannot be read does not (admin 13.9). */
async function isDryRun(c: HttpContext): Promise<boolean> {
  try {
    const read = await readOptionalJson(c, { maxBytes })
    return !(isObject(read?.value) && read.value['dry_run'] === false)
  } catch (error) {
    if (error instanceof Problem && error.code !== 'too_large') return true
    throw error
  }
}

function shown({ path, id, createdAt, updatedAt }: FixedFile): z.infer<typeof fixed> {
  return { filepath: path, id, created_at: goTime(createdAt), updated_at: goTime(updatedAt) }
}
