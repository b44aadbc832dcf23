/** `_normal_docs`: pages of documents without design documents. */
import { z } from '@hono/zod-openapi'
import type { AllDocsRow } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import { joinRows } from '../http/all-docs.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { exactlyTrue } from '../http/parameters.ts'
import { streamJson } from '../http/stream.ts'
import { enterWhole } from './access.ts'
import { pageLimit } from './request.ts'
import type { DataServices } from './services.ts'

const parameters = z.object({
  limit: z
    .string()
    .optional()
    .describe(`Rows in a page: ${pageLimits.data.byDefault} when absent, 0, wrong or above ${pageLimits.data.most}`)
    .transform(whole)
    .transform((limit) => pageLimit(limit || undefined)),
  skip: z.string().optional().describe('Rows to leave out; not looked at with a bookmark').transform(whole),
  bookmark: z.string().optional().describe('Where the previous page ended').transform(readBookmark),
  execution_stats: exactlyTrue().describe('true: add execution_stats'),
})

export function normalDocsRoute(face: Face, { documents, instances }: DataServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/data/{type}/_normal_docs',
      summary: 'List documents without design documents',
      tag: 'documents',
      needs: 'GET on the whole doctype',
      query: parameters,
      answers: {
        200: z.object({ rows: z.array(z.looseObject({})), total_rows: z.number(), bookmark: z.string() }),
        404: 'No such doctype',
      },
    },
    async (c, { path: { type }, query }) => {
      const started = performance.now()
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const { limit, skip = 0, bookmark } = query
      const answer = await documents.allDocs(ref, {
        start: bookmark === undefined ? undefined : { id: bookmark, inclusive: false },
        descending: false,
        skip: bookmark === undefined ? skip : 0,
        limit,
        includeDocs: true,
        conflicts: false,
        designs: 'none',
      })
      let last: string | undefined
      let count = 0
      const print = (row: AllDocsRow) => {
        if (row.kind !== 'found') return undefined
        last = row.id
        count += 1
        return row.document?.text
      }
      const tail = () => {
        const stats = query.execution_stats ? `,"execution_stats":${JSON.stringify(statistics(count, started))}` : ''
        return `],"total_rows":${answer.totalRows},"bookmark":"${last === undefined ? '' : writeBookmark(last)}"${stats}}`
      }
      return streamJson(c, '{"rows":[', joinRows(answer.rows, print), tail)
    },
  )
}

const mark = 'after:'

function writeBookmark(id: string): string {
  return Buffer.from(mark + id).toString('base64url')
}

/** The id after which the page begins; absent for an empty bookmark. Throws `invalid_bookmark`. */
function readBookmark(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  const decoded = Buffer.from(text, 'base64url').toString('utf8')
  if (decoded.startsWith(mark) && writeBookmark(decoded.slice(mark.length)) === text) return decoded.slice(mark.length)
  throw new Problem('invalid_bookmark', `Invalid bookmark value: ${JSON.stringify(text)}`)
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function statistics(count: number, started: number): object {
  return {
    total_keys_examined: 0,
    total_docs_examined: count,
    total_quorum_docs_examined: 0,
    results_returned: count,
    execution_time_ms: Math.round((performance.now() - started) * 1000) / 1000,
  }
}
