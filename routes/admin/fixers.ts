import { z } from '@hono/zod-openapi'
import { renameInSharings } from '../../src/admin/moved-sharings.ts'
import { removeOrphanAccounts } from '../../src/admin/orphan-accounts.ts'
import { forgottenPassword } from '../../src/admin/password-defined.ts'
import type { FixedFile } from '../../src/fsck/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { isObject } from '../../src/model/json/value.ts'
import { readOptionalJson } from '../http/body.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { json, noContent } from './answer.ts'
import { goTime } from './go-time.ts'
import type { AdminServices } from './services.ts'

const maxBytes = 65_536

const body = z.object({ dry_run: z.boolean().default(true) })

const fixed = z.object({ filepath: z.string(), id: z.string(), created_at: z.string(), updated_at: z.string() })
const answer = z
  .object({ dry_run: z.boolean(), updated: z.array(fixed), removed: z.array(fixed), domain: z.string() })
  .describe('What was done, or would be')

/** `POST /instances/DOMAIN/fixers/content-mismatch`: repairs files whose content lost its end. */
export function contentFixerRoute(
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

/** Repairs of what earlier versions, or other servers, left behind. */
export function otherFixerRoutes(
  face: Face,
  { instances, store, contexts }: Pick<AdminServices, 'instances' | 'store' | 'contexts'>,
): void {
  const noInstance = { 404: 'No such instance', 422: 'Not a domain' } as const
  const described = { method: 'POST', tag: 'checks', needs: 'the admin passphrase' } as const

  endpoint(
    face,
    {
      ...described,
      path: '/instances/{domain}/fixers/password-defined',
      summary: 'Note whether the owner has chosen a password, where that was never noted',
      answers: { 204: 'Noted, or it was noted before', ...noInstance },
    },
    async (_c, { path }) => {
      const instance = await instances.find(path.domain)
      const password_defined = await forgottenPassword(store, contexts.authentication, instance)
      if (password_defined !== undefined) await instances.update(path.domain, () => ({ password_defined }))
      return noContent()
    },
  )

  endpoint(
    face,
    {
      ...described,
      path: '/instances/{domain}/fixers/orphan-account',
      summary: 'Delete the accounts of konnectors that are not installed, with their triggers',
      answers: { 200: 'There were none; the answer has no body', 204: 'Deleted', ...noInstance },
    },
    async (_c, { path }) => {
      const count = await removeOrphanAccounts(store, await instances.find(path.domain))
      return count > 0 ? noContent() : new Response(null, { status: 200, headers: { 'cache-control': 'no-store' } })
    },
  )

  endpoint(
    face,
    {
      ...described,
      path: '/instances/{domain}/fixers/service-triggers',
      summary: 'Compare the triggers of services with their applications: none runs here, so there is nothing to do',
      answers: {
        200: z.object({
          Domain: z.string(),
          RecreatedTriggersCount: z.number(),
          UpdatedTriggersCount: z.number(),
          DeletedTriggersCount: z.number(),
        }),
        ...noInstance,
      },
    },
    async (_c, { path }) => {
      const { domain } = await instances.find(path.domain)
      const none = { RecreatedTriggersCount: 0, UpdatedTriggersCount: 0, DeletedTriggersCount: 0 }
      return json(200, { Domain: domain, ...none })
    },
  )

  for (const [name, summary] of [
    ['indexes', 'Rebuild the built-in indexes: they are part of the program and always right'],
    ['sharings-moved', 'Write the present domain into sharings that name the former one'],
  ] as const) {
    endpoint(
      face,
      { ...described, path: `/instances/{domain}/fixers/${name}`, summary, answers: { 204: 'Done', ...noInstance } },
      async (_c, { path }) => {
        const instance = await instances.find(path.domain)
        if (name === 'sharings-moved') await renameInSharings(store, instance)
        return noContent()
      },
    )
  }
}

/** Only a body that says `"dry_run": false` changes anything; one that cannot be read does not. */
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
