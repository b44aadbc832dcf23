/** `POST /files/_find`: a mango query whose answer is a JSON-API list. */

import { z } from '@hono/zod-openapi'
import type { FindFace } from '../../src/documents/service.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { fieldTree } from '../http/projection.ts'
import { enter, requireWhole } from './access.ts'
import { sendList } from './answer.ts'
import { badBody } from './errors.ts'
import { thumbnailsOf } from './node-view.ts'
import { limitOf, type PageText, pageAddress, pageText, wholeOf } from './pagination.ts'
import { printedNode } from './printed-node.ts'
import { readObject } from './request.ts'
import { list, needs, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

const { byDefault: defaultLimit, most: largestPage } = pageLimits.files
const engine: FindFace = { defaultLimit, refuseUnindexed: true }

/** Means that the rows were not counted: clients take any number above what they have as "there is more". */
const manyMore = 2 ** 31 - 2

export function findRoute(face: Face, services: FilesServices): void {
  const { documents, files } = services
  endpoint(
    face,
    {
      method: 'POST',
      path: '/files/_find',
      summary: 'Find directories and files with a selector',
      tag,
      needs: needs('GET', true),
      query: z.object(pageText),
      body: z.looseObject({
        selector: z.looseObject({}),
        limit: z.number().optional().describe(`${defaultLimit} when absent, at most ${largestPage}`),
        skip: z.number().optional(),
        bookmark: z.string().optional(),
        sort: z.array(z.any()).optional(),
        fields: z
          .array(z.string())
          .optional()
          .describe('Attributes; `type`, `class`, `size` and `trashed` are always shown'),
        use_index: z.union([z.string(), z.array(z.string())]).optional(),
        execution_stats: z.boolean().optional(),
      }),
      answers: {
        200: list.describe('`meta.count` is a huge number when more may follow'),
        400: 'no_index, no_usable_index or a malformed question',
      },
    },
    async (c, { query }) => {
      const visit = await enter(c, services)
      requireWhole(visit, 'GET')
      const asked = questionOf(await readObject(c, services), query)
      const ref = { prefix: visit.drive.prefix, name: filesDoctype }
      await files.prepare(visit.drive)
      const found = await orWithoutDatabase(documents.find(ref, asked.question, engine), undefined)
      if (found === undefined) return sendList(c, [], { meta: { count: 0 }, thumbnails: undefined })
      const nodes = found.docs.map(printedNode)
      const more = nodes.length >= asked.limit
      const meta = {
        count: more ? manyMore : asked.skip + nodes.length,
        ...(asked.question['execution_stats'] === true ? { execution_stats: found.stats } : {}),
        ...(found.warnings.length === 0 ? {} : { warning: found.warnings.join('\n') }),
      }
      return sendList(c, nodes, {
        meta,
        next: more ? nextAddress(asked, found.bookmark) : undefined,
        thumbnails: thumbnailsOf(visit),
        ...(asked.fields === undefined ? {} : { fields: fieldTree(asked.fields.join(',')) }),
        ...(asked.fields?.includes('path') === false ? {} : { paths: await files.paths(visit.drive, nodes) }),
      })
    },
  )
}

interface Asked {
  /** For the engine. It returns whole documents, since an object shows more of a node than the requested fields. */
  readonly question: JsonObject
  readonly limit: number
  readonly skip: number
  readonly fields: readonly string[] | undefined
}

/** The URL overrides the body where both describe the page. */
function questionOf({ fields: asked, ...body }: JsonObject, text: PageText): Asked {
  const fields = asked ?? undefined
  if (fields !== undefined && !(Array.isArray(fields) && fields.every((field) => typeof field === 'string'))) {
    throw badBody()
  }
  const limit = limitOf(text, limitIn(body))
  const skip = wholeOf('page[skip]', text['page[skip]']) ?? (typeof body['skip'] === 'number' ? body['skip'] : 0)
  const bookmark = text['page[cursor]'] || body['bookmark'] || undefined
  const question = { ...body, limit, skip, ...(bookmark === undefined ? {} : { bookmark }) }
  return { question, limit, skip, fields }
}

function limitIn({ limit }: JsonObject): number {
  return typeof limit === 'number' && limit >= 1 ? Math.min(limit, largestPage) : defaultLimit
}

function nextAddress({ limit, skip }: Asked, bookmark: string | undefined): string | undefined {
  if (bookmark === undefined) return pageAddress('/files/_find', limit, { skip: skip + limit })
  return pageAddress('/files/_find', limit, { cursor: bookmark })
}
