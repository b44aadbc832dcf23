/**
 * The objects of an instance as its operator sees them: names without the instance's prefix, bytes as they are.
 * Nothing else is touched: content that is replaced or deleted here is what a check then finds.
 */
import { z } from '@hono/zod-openapi'
import type { Instance } from '../../src/instances/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { tenantPrefix } from '../../src/model/object-name.ts'
import type { ObjectStat, ObjectStore } from '../../storage/objects/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { type HttpContext, header } from '../http/router.ts'
import { streamBytes, streamJson } from '../http/stream.ts'
import { json } from './answer.ts'
import { objectBytes } from './object-bytes.ts'
import { objectOwner } from './object-owner.ts'
import type { AdminServices } from './services.ts'

const needs = 'the admin passphrase'
const headers = { Host: 'The domain of the instance' }
const pageSize = 1_000

/** `GET /swift/vfs`, and `GET`, `PUT`, `DELETE /swift/vfs/OBJECT`; the instance is that of the `Host` header. */
export function swiftRoutes(face: Face, services: Pick<AdminServices, 'instances' | 'objects' | 'log'>): void {
  const { objects, log } = services

  endpoint(
    face,
    {
      method: 'GET',
      path: '/swift/vfs',
      summary: 'List the objects of an instance',
      tag: 'objects',
      needs,
      headers,
      answers: { 200: z.object({ objects_names: z.array(z.string()) }), 404: 'No such instance' },
    },
    (c) =>
      owned(c, services, ({ prefix }) =>
        streamJson(c, '{"objects_names":[', pages(objects, tenantPrefix(prefix)), ']}', {
          'cache-control': 'no-store',
        }),
      ),
  )

  const path = '/swift/vfs/{object*}'
  const described = { tag: 'objects', needs, headers, path } as const
  endpoint(
    face,
    {
      ...described,
      method: 'GET',
      summary: 'Read an object; its name is percent-encoded once, slashes too',
      answers: { 200: 'The bytes, with the stored content type', 404: 'No such instance or object' },
    },
    (c, input) =>
      owned(c, services, async (instance) => {
        const name = objectName(instance, input.path.object)
        if (c.req.raw.method === 'HEAD') {
          return new Response(null, { headers: headersOf(await existing(objects, name)) })
        }
        const found = await objects.get(name)
        if (found === undefined) throw noObject()
        const failed = (error: unknown) => log.error('an object could not be read to its end', { error })
        return streamBytes(c, { status: 200, headers: headersOf(found.stat), bytes: found.body, failed })
      }),
  )
  endpoint(
    face,
    {
      ...described,
      method: 'PUT',
      body: z.string().describe('Any bytes'),
      bodyMedia: 'application/octet-stream',
      summary: 'Store an object in place of what is there; no document and no quota is looked at',
      answers: { 200: '`null`', 400: 'No name for an object, or the body was cut short', 404: 'No such instance' },
    },
    (c, input) =>
      owned(c, services, async (instance) => {
        const name = objectName(instance, input.path.object)
        const contentType = header(c, 'content-type')
        const { size, bytes, accept } = objectBytes(c)
        await objects.put(name, bytes, { size, accept, ...(contentType ? { contentType } : {}) })
        return json(200, null)
      }),
  )
  endpoint(
    face,
    {
      ...described,
      method: 'DELETE',
      summary: 'Delete an object; no document is looked at',
      answers: { 200: '`null`', 404: 'No such instance or object' },
    },
    (c, input) =>
      owned(c, services, async (instance) => {
        const name = objectName(instance, input.path.object)
        await existing(objects, name)
        await objects.delete([name])
        return json(200, null)
      }),
  )
}

/** Answers for the instance of the `Host` header, or sends to where it moved. */
async function owned(
  c: HttpContext,
  { instances }: Pick<AdminServices, 'instances'>,
  answer: (instance: Instance) => Response | Promise<Response>,
): Promise<Response> {
  const owner = await objectOwner(c, instances)
  return owner instanceof Response ? owner : answer(owner)
}

async function* pages(objects: Pick<ObjectStore, 'list'>, start: string): AsyncGenerator<string, void> {
  let after: string | undefined
  let separator = ''
  for (;;) {
    const page = await objects.list(start, { after, limit: pageSize })
    const names = page.objects.map(({ name }) => JSON.stringify(name.slice(start.length)))
    if (names.length > 0) yield separator + names.join(',')
    separator = ','
    after = page.objects.at(-1)?.name
    if (!page.more || after === undefined) return
  }
}

function objectName({ prefix }: Instance, object: string): string {
  if (object === '' || object.includes('\0')) throw new Problem('bad_request', 'An object has a name without U+0000.')
  return tenantPrefix(prefix) + object
}

async function existing(objects: Pick<ObjectStore, 'stat'>, name: string): Promise<ObjectStat> {
  const stat = await objects.stat(name)
  if (stat === undefined) throw noObject()
  return stat
}

function noObject(): Problem {
  return new Problem('not_found', 'Object not found')
}

/** What is stored may be a page of HTML: a browser must not run it with the passphrase that it knows. */
function headersOf({ size, contentType, modifiedMs }: ObjectStat): Record<string, string> {
  return {
    'content-type': contentType,
    'content-length': `${size}`,
    'last-modified': new Date(modifiedMs).toUTCString(),
    'cache-control': 'no-store',
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  }
}
