/** `/files/ID/relationships/referenced_by`: which documents use a directory or file. */
import { z } from '@hono/zod-openapi'
import type { Node, Reference } from '../../src/files/node.ts'
import type { Json } from '../../src/model/json/value.ts'
import { isObject } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { enter, nodeFor } from './access.ts'
import { jsonApi } from './answer.ts'
import { badBody } from './errors.ts'
import { readData } from './request.ts'
import { needs, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

const reference = z.object({ type: z.string(), id: z.string() })

export function referencedByRoutes(face: Face, services: FilesServices): void {
  const { files } = services
  const declaration = {
    path: '/files/{id}/relationships/referenced_by',
    tag,
    needs: needs('PATCH'),
    body: z.object({ data: z.array(reference) }),
    answers: {
      200: z.object({ data: z.array(reference), meta: z.object({ rev: z.string(), count: z.number() }) }),
      400: 'Malformed',
      404: 'It does not exist',
    },
  } as const

  endpoint(face, { ...declaration, method: 'POST', summary: 'Say that documents use a file' }, async (c, input) => {
    const visit = await enter(c, services)
    await nodeFor(visit, 'PATCH', input.path.id, files)
    const references = referencesOf(await readData(c, services))
    return send(c, await files.addReferences(visit.drive, input.path.id, references))
  })

  endpoint(
    face,
    { ...declaration, method: 'DELETE', summary: 'Say that documents no longer use a file' },
    async (c, input) => {
      const visit = await enter(c, services)
      await nodeFor(visit, 'PATCH', input.path.id, files)
      const references = referencesOf(await readData(c, services))
      return send(c, await files.removeReferences(visit.drive, input.path.id, references))
    },
  )
}

/** One reference or a list of them. Throws `bad_request` for anything else. */
export function referencesOf(data: Json): readonly Reference[] {
  const items: readonly Json[] = Array.isArray(data) ? data : [data]
  return items.map((item) => {
    if (isObject(item) && isName(item['type']) && isName(item['id'])) return { type: item['type'], id: item['id'] }
    throw badBody()
  })
}

function isName(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== ''
}

function send(c: HttpContext, { rev, referencedBy }: Node): Response {
  const data = referencedBy.map(({ type, id }) => ({ type, id }))
  return jsonApi(c, 200, { data, meta: { rev, count: data.length } })
}
