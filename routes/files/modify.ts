/** `PATCH`: names, places, attributes; the trash and its opposite by an attribute. */

import { z } from '@hono/zod-openapi'
import type { Node } from '../../src/files/node.ts'
import { fileNotFound } from '../../src/files/problems.ts'
import { Problem } from '../../src/model/errors.ts'
import { isObject, type Json } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { enter, requireSome, type Visit } from './access.ts'
import { jsonApi, sendNode } from './answer.ts'
import { applyPatch, patchNode, requirePatch } from './apply-patch.ts'
import { badBody, errorObject } from './errors.ts'
import { sendChanged } from './node-view.ts'
import { type Patch, patchOf } from './patch-request.ts'
import { ifMatchHeader, ifMatchOf, readData, revParameter, textOf } from './request.ts'
import { attributesBody, needs, node, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

const common = {
  method: 'PATCH',
  tag,
  needs: needs('PATCH'),
  headers: ifMatchHeader,
  body: attributesBody,
  answers: {
    200: node.describe('The directory or file; as it was, when `permanent_delete` destroyed it'),
    400: 'Malformed, or a special directory',
    404: 'It does not exist',
    409: 'The name is taken',
    412: 'Not the current revision, or a directory into itself',
    422: 'An attribute is wrong; `source` names it',
  },
} as const

/** Fixed names, and the batch at `/files`. */
export function modifyNamesRoutes(face: Face, services: FilesServices): void {
  endpoint(
    face,
    {
      ...common,
      path: '/files/metadata',
      summary: 'Change a directory or file by its path',
      query: z.object({ Path: textOf('Absolute path'), ...revParameter }),
    },
    async (c, { query }) => {
      const visit = await enter(c, services)
      requireSome(visit, 'PATCH')
      const patch = patchOf(await readData(c, services))
      const node = await services.files.nodeAt(visit.drive, query.Path ?? '')
      const changed = await patchNode(visit, node, patch, ifMatchOf(c, query.rev), services.files)
      return sendPatched(c, visit, patch, changed, services.files)
    },
  )

  endpoint(
    face,
    {
      ...common,
      path: '/files',
      summary: 'Change several directories and files, each on its own',
      body: z.object({ data: z.array(z.looseObject({ id: z.string(), attributes: z.looseObject({}) })) }),
      answers: { 204: 'All were changed', 400: 'Malformed', 404: 'The errors; the status is that of the first' },
    },
    async (c) => {
      const visit = await enter(c, services)
      requireSome(visit, 'PATCH')
      const errors = await applyAll(visit, orders(await readData(c, services)))
      if (errors.length === 0) return new Response(null, { status: 204 })
      return jsonApi(c, Number(errors[0]?.status), { errors: errors.map(({ error }) => error) })
    },
  )

  /** Either everything is allowed or nothing is done; after that each change is independent. */
  async function applyAll(visit: Visit, asked: readonly Order[]) {
    const found = await services.files.nodes(visit.drive, [...new Set(asked.map(({ id }) => id))])
    const nodes = new Map(found.map((one) => [one.id, one]))
    for (const { id, patch } of asked) {
      const there = nodes.get(id)
      if (there !== undefined) await requirePatch(visit, there, patch, services.files)
    }
    const errors: { status: number; error: Json }[] = []
    for (const { id, patch } of asked) {
      try {
        const known = nodes.get(id)
        if (known === undefined) throw fileNotFound()
        await applyPatch(visit, known, patch, undefined, services.files)
      } catch (error) {
        if (!(error instanceof Problem) || error.status >= 500) throw error
        const source = { parameter: '_id', pointer: id }
        errors.push({ status: error.status, error: { ...errorObject(error), source } })
      }
    }
    return errors
  }
}

export function modifyRoute(face: Face, services: FilesServices): void {
  endpoint(
    face,
    { ...common, path: '/files/{id}', summary: 'Change a directory or file', query: z.object(revParameter) },
    async (c, { path: { id }, query }) => {
      const visit = await enter(c, services)
      requireSome(visit, 'PATCH')
      const patch = patchOf(await readData(c, services))
      const found = await services.files.node(visit.drive, id)
      const changed = await patchNode(visit, found, patch, ifMatchOf(c, query.rev), services.files)
      return sendPatched(c, visit, patch, changed, services.files)
    },
  )
}

/** Destroyed nodes have neither versions nor children any more. */
async function sendPatched(
  c: HttpContext,
  visit: Visit,
  patch: Patch,
  node: Node,
  files: FilesServices['files'],
): Promise<Response> {
  return patch.kind === 'destroy' ? sendNode(c, 200, node) : sendChanged(c, 200, visit, node, files)
}

interface Order {
  readonly id: string
  readonly patch: Patch
}

function orders(data: Json): readonly Order[] {
  if (!Array.isArray(data)) throw badBody()
  return data.map((item) => {
    if (!isObject(item) || typeof item['id'] !== 'string') throw badBody()
    const patch = patchOf(item)
    if (patch.kind === 'nothing') throw badBody()
    return { id: item['id'], patch }
  })
}
