/** `GET /files/_changes`: the feed of `io.cozy.files` with what synchronising clients need to know. */

import { z } from '@hono/zod-openapi'
import type { ChangesEvent, ChangesQuery } from '../../src/documents/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { orWithoutDatabase } from '../../src/model/no-database.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import { filesDoctype } from '../../storage/files/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { fieldTree } from '../http/projection.ts'
import { query as queryOf } from '../http/query.ts'
import { streamJson } from '../http/stream.ts'
import { enter, requireWhole } from './access.ts'
import { changeRows, type RowsWanted } from './change-rows.ts'
import { wholeOf } from './pagination.ts'
import { flagOf, textOf } from './request.ts'
import { needs, tag } from './schemas.ts'
import type { FilesServices } from './services.ts'

const parameters = z.object({
  since: textOf('Rows behind this sequence'),
  limit: textOf('At most so many rows: 10000 when absent or larger'),
  include_docs: flagOf('add the documents'),
  fields: textOf('Members of the documents, separated by commas'),
  include_file_path: flagOf('add the full path to the documents of files; needs include_docs'),
  skip_deleted: flagOf('leave out what was destroyed'),
  skip_trashed: flagOf('leave out what is in the trash; needs include_docs'),
})

/** `bearer_token` carries the token. */
const allowed = new Set([...Object.keys(parameters.shape), 'bearer_token'])
const mostRows = pageLimits.files.mostChanges

export function changesRoute(face: Face, services: FilesServices): void {
  const { documents, files } = services
  endpoint(
    face,
    {
      method: 'GET',
      path: '/files/_changes',
      summary: 'Changes of directories and files',
      tag,
      needs: needs('GET', true),
      query: parameters,
      answers: {
        200: z.object({ results: z.array(z.looseObject({})), last_seq: z.string(), pending: z.number() }),
        400: 'A parameter is unknown or malformed',
      },
    },
    async (c, { query }) => {
      const visit = await enter(c, services)
      requireWhole(visit, 'GET')
      for (const [name] of queryOf(c).entries) {
        if (!allowed.has(name)) throw new Problem('bad_request', `Unsupported query parameter '${name}'`)
      }
      if (!query.include_docs && (query.skip_trashed || query.include_file_path)) {
        throw new Problem('bad_request', 'skip_trashed and include_file_path need include_docs=true')
      }
      const wanted: RowsWanted = {
        documents: query.include_docs,
        fields: query.fields === undefined ? undefined : fieldTree(query.fields),
        paths: query.include_file_path,
        deleted: !query.skip_deleted,
        trashed: !query.skip_trashed,
      }
      const ref = { prefix: visit.drive.prefix, name: filesDoctype }
      await files.prepare(visit.drive)
      const feed = documents.changes(ref, feedQuery(query.since, query.limit, wanted), c.req.raw.signal)
      const events = await orWithoutDatabase(feed, undefined)
      if (events === undefined) return streamJson(c, '', nothing(), '{"results":[],"last_seq":"0","pending":0}')
      let tail = '],"last_seq":"0","pending":0}'
      async function* texts(events: AsyncIterable<ChangesEvent>) {
        let separator = ''
        for await (const event of events) {
          if (event.kind === 'end') {
            tail = `],"last_seq":${JSON.stringify(event.lastSeq)},"pending":${event.pending}}`
          } else if (event.kind === 'rows') {
            const rows = await changeRows(visit.drive, event.rows, wanted, files)
            if (rows.length === 0) continue
            yield separator + rows.join(',\n')
            separator = ',\n'
          }
        }
      }
      return streamJson(c, '{"results":[\n', texts(events), () => tail)
    },
  )
}

async function* nothing(): AsyncIterable<string> {}

/** The present changes, without waiting. */
function feedQuery(since: string | undefined, limit: string | undefined, wanted: RowsWanted): ChangesQuery {
  return {
    feed: 'normal',
    since,
    limit: Math.min(wholeOf('limit', limit) || mostRows, mostRows),
    descending: false,
    includeDocs: wanted.documents,
    conflicts: false,
    style: 'main_only',
    timeoutMs: 0,
  }
}
