/** `POST /files/_all_docs`: directories and files by their ids, or all of them; never what is in the trash. */
import { z } from '@hono/zod-openapi'
import { isTrashed } from '../../src/files/lookup.ts'
import { type Node, rootId, trashId } from '../../src/files/node.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import type { Json } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { streamJson } from '../http/stream.ts'
import { enter, requireWhole, type Visit } from './access.ts'
import { mediaType, nodeObject, sendList } from './answer.ts'
import { badBody } from './errors.ts'
import { thumbnailsOf } from './node-view.ts'
import { readOptionalObject } from './request.ts'
import { list, needs, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

/** Nodes that are printed at once. */
const pageSize = 500

export function allDocsRoute(face: Face, services: FilesServices): void {
  const { files } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/_all_docs',
      summary: 'Directories and files by their ids, or all of them',
      tag,
      needs: needs('GET', true),
      body: z.object({ keys: z.array(z.string()).optional().describe('Ids; none at all: everything') }),
      answers: {
        200: list.describe('Those that exist and are not in the trash, in the order of the ids'),
        400: 'The ids are malformed',
      },
    },
    async (c) => {
      const visit = await enter(c, services)
      requireWhole(visit, 'GET')
      const { keys = [] } = await readOptionalObject(c, services)
      if (!isTexts(keys)) throw badBody()
      if (keys.length === 0) {
        let count = 0
        const pages = printedPages(visit, services, (printed) => {
          count += printed
        })
        const tail = () => `],"meta":{"count":${count}},"links":{}}`
        return streamJson(c, '{"data":[', pages, tail, { 'content-type': mediaType })
      }
      const found = (await files.nodes(visit.drive, [...new Set(keys)])).filter(isListed)
      const byId = new Map(found.map((node) => [node.id, node]))
      const nodes = keys.flatMap((key) => byId.get(key) ?? [])
      const paths = await files.paths(visit.drive, found)
      return sendList(c, nodes, { meta: { count: nodes.length }, thumbnails: thumbnailsOf(visit), paths })
    },
  )
}

/** The whole drive, the root first and directories before what they hold. */
async function* printedPages(
  visit: Visit,
  { files }: Pick<FilesServices, 'files'>,
  count: (printed: number) => void,
): AsyncGenerator<string> {
  const thumbnails = thumbnailsOf(visit)
  const root = await files.node(visit.drive, rootId)
  if (root?.kind !== 'directory') return
  let page = [stringifyJson(nodeObject(root, { thumbnails }))]
  let separator = ''
  for await (const { node, path } of files.walk(visit.drive, root)) {
    if (page.length >= pageSize) {
      count(page.length)
      yield separator + page.join(',')
      separator = ','
      page = []
    }
    page.push(stringifyJson(nodeObject(node, { thumbnails, path })))
  }
  count(page.length)
  yield separator + page.join(',')
}

function isListed(node: Node): boolean {
  return node.id !== trashId && !isTrashed(node)
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
