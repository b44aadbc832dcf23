/**
 * `/data/T/ID/relationships/references`: the files that a document uses. Part of the files API in all but its address and
 * its failures, which are those of `/data`.
 */
import { z } from '@hono/zod-openapi'
import { checkDoctype } from '../../src/model/doctypes.ts'
import { Problem } from '../../src/model/errors.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import type { Verb } from '../../src/model/permissions.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import { enter, refused, type Visit } from '../files/access.ts'
import { jsonApi, nodeObject } from '../files/answer.ts'
import { badBody } from '../files/errors.ts'
import { thumbnailsOf } from '../files/node-view.ts'
import { arrayOf, badCursor, jsonOf, limitOf, pageAddress, pageText, wholeOf } from '../files/pagination.ts'
import { referencesOf } from '../files/references.ts'
import { readData, textOf } from '../files/request.ts'
import { tag } from '../files/schemas.ts'
import type { FilesServices } from '../files/services.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import type { HttpContext } from '../http/router.ts'
import { referencesErrorBody } from './errors.ts'

const path = '/data/{type}/{id}/relationships/references'
const sorts = ['id', '-id', 'datetime', '-datetime'] as const

export function referencesRoutes(filesFace: Face, services: FilesServices): void {
  const face = filesFace.withErrorBody(referencesErrorBody)
  const { files } = services
  endpoint(
    face,
    {
      method: 'GET',
      path,
      summary: 'The files that a document uses',
      tag,
      needs: 'GET on the document or on all of io.cozy.files',
      query: z.object({
        include: textOf('`files`: send the files along'),
        sort: textOf('`id`, `datetime`, or one of them with a minus sign in front for the opposite order'),
        'page[limit]': pageText['page[limit]'],
        'page[cursor]': pageText['page[cursor]'],
        'page[skip]': pageText['page[skip]'],
      }),
      answers: {
        200: z.object({ data: z.array(z.object({ type: z.string(), id: z.string() })), meta: z.looseObject({}) }),
        400: 'Invalid sort parameter or page cursor',
      },
    },
    async (c, { path: { type, id }, query }) => {
      const visit = await enterFor(c, { type, id }, 'GET', 'GET')
      const sort = sortOf(query.sort)
      const limit = limitOf(query, pageLimits.files.byDefault)
      const cursor = query['page[cursor]'] || undefined
      const skip = cursor === undefined ? wholeOf('page[skip]', query['page[skip]']) : undefined
      const asked = { type, id, sort }
      const after = cursor === undefined ? await positionBehind(visit, asked, skip ?? 0) : positionOf(cursor)
      const { nodes, count, more } = await files.referencing(visit.drive, { ...asked, limit, after })
      const last = more ? nodes.at(-1) : undefined
      const place = skip === undefined ? ([last?.at ?? '', last?.node.id ?? ''] as const) : skip + nodes.length
      const links: JsonObject = last ? { next: nextAddress({ type, id }, query, limit, place) } : {}
      const thumbnails = thumbnailsOf(visit)
      const included = nodes.map(({ node }) => nodeObject(node, { thumbnails }))
      return jsonApi(c, 200, {
        data: nodes.map(({ node }) => ({ type: filesDoctype, id: node.id })),
        meta: { count },
        links,
        ...(query.include === 'files' ? { included } : {}),
      })
    },
  )

  const change = {
    path,
    tag,
    body: z.object({ data: z.array(z.object({ type: z.string(), id: z.string() })) }),
    answers: { 204: 'Done', 400: 'Malformed', 404: 'There is no such file' },
  } as const

  endpoint(
    face,
    {
      ...change,
      method: 'POST',
      summary: 'Say that a document uses files',
      needs: 'PUT on the document or PATCH on all of io.cozy.files',
    },
    async (c, { path: { type, id } }) => {
      const visit = await enterFor(c, { type, id }, 'PUT', 'PATCH')
      for (const file of await readFiles(c)) await files.addReferences(visit.drive, file, [{ type, id }])
      return new Response(null, { status: 204 })
    },
  )

  endpoint(
    face,
    {
      ...change,
      method: 'DELETE',
      summary: 'Say that a document no longer uses files',
      needs: 'DELETE on the document or PATCH on all of io.cozy.files',
    },
    async (c, { path: { type, id } }) => {
      const visit = await enterFor(c, { type, id }, 'DELETE', 'PATCH')
      for (const file of await readFiles(c)) await files.removeReferences(visit.drive, file, [{ type, id }])
      return new Response(null, { status: 204 })
    },
  )

  /** The place after which a page begins that skips this many files. */
  async function positionBehind(visit: Visit, asked: Asked, skip: number): Promise<Position | undefined> {
    let after: Position | undefined
    for (let left = skip; left > 0; ) {
      const page = { ...asked, limit: Math.min(left, pageLimits.files.most), after }
      const { nodes, more } = await files.referencing(visit.drive, page)
      const last = nodes.at(-1)
      if (last !== undefined) after = { at: last.at, id: last.node.id }
      if (!more) break
      left -= nodes.length
    }
    return after
  }

  /** The document itself need not exist: only its name decides. */
  async function enterFor(
    c: HttpContext,
    { type, id }: { readonly type: string; readonly id: string },
    verb: Verb,
    verbOnFiles: Verb,
  ): Promise<Visit> {
    const visit = await enter(c, services)
    checkDoctype(type, 'read')
    const { permissions } = visit
    if (permissions.allowsType(verbOnFiles, filesDoctype) || permissions.allowsType(verb, type)) return visit
    if (permissions.allowsDocument(verb, type, { _id: id })) return visit
    throw refused()
  }

  async function readFiles(c: HttpContext): Promise<readonly string[]> {
    const named = referencesOf(await readData(c, services))
    if (named.some(({ type }) => type !== filesDoctype)) throw badBody()
    return named.map(({ id }) => id)
  }
}

interface Asked {
  readonly type: string
  readonly id: string
  readonly sort: (typeof sorts)[number]
}

interface Position {
  readonly at: string
  readonly id: string
}

function sortOf(text: string | undefined): (typeof sorts)[number] {
  const sort = sorts.find((one) => one === (text ?? 'id'))
  if (sort !== undefined) return sort
  throw new Problem('bad_request', 'Invalid sort parameter')
}

/** A cursor as JSON: `[[type, id, date], file]`, or without the date where the order is that of ids. */
function positionOf(cursor: string): Position {
  const [key, id] = arrayOf(jsonOf(cursor), 2)
  const at = Array.isArray(key) ? (key[2] ?? '') : undefined
  if (typeof at === 'string' && typeof id === 'string') return { at, id }
  throw badCursor()
}

function nextAddress(
  { type, id }: { readonly type: string; readonly id: string },
  { sort, include }: { readonly sort: string | undefined; readonly include: string | undefined },
  limit: number,
  place: readonly [at: string, file: string] | number,
): string {
  const self = `/data/${encodeURIComponent(type)}/${encodeURIComponent(id)}/relationships/references`
  const kept = Object.entries({ sort, include }).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const address = kept.length === 0 ? self : `${self}?${new URLSearchParams(kept)}`
  if (typeof place === 'number') return pageAddress(address, limit, { skip: place })
  const [at, file] = place
  return pageAddress(address, limit, { cursor: JSON.stringify([[type, id, at], file]) })
}
