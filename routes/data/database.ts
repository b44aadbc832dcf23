/** A doctype as a whole: its status, creation and deletion. */

import { z } from '@hono/zod-openapi'
import { formatSequence } from '../../src/documents/sequence.ts'
import { Problem } from '../../src/model/errors.ts'
import type { DatabaseInfo } from '../../storage/documents/contract.ts'
import { jsonText, jsonValue } from '../http/answer.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { query } from '../http/query.ts'
import { header } from '../http/router.ts'
import { enterWhole } from './access.ts'
import { requestProblem } from './errors.ts'
import type { DataServices } from './services.ts'

const path = '/data/{type}'
const tag = 'doctypes'

export function databaseRoutes(own: Face, couch: Face, { documents, instances }: DataServices): void {
  endpoint(
    own,
    {
      method: 'GET',
      path,
      summary: 'Status of a doctype',
      tag,
      needs: 'GET on the whole doctype',
      answers: { 200: z.looseObject({ db_name: z.string(), doc_count: z.number() }), 404: 'No such doctype' },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'GET', 'read')
      const info = await documents.databaseInfo(ref)
      return jsonValue(c, 200, status(info))
    },
  )

  endpoint(
    couch,
    {
      method: 'PUT',
      path,
      summary: 'Create a doctype',
      tag,
      needs: 'POST on the whole doctype',
      answers: { 201: 'Created', 412: 'It exists already' },
    },
    async (c, { path: { type } }) => {
      const { ref } = await enterWhole(c, instances, type, 'POST', 'write')
      if ((await documents.createDatabase(ref)) === 'created') return jsonText(c, 201, '{"ok":true}')
      throw new Problem('file_exists', 'The database could not be created, the file already exists.')
    },
  )

  endpoint(
    own,
    {
      method: 'DELETE',
      path,
      summary: 'Delete a doctype with all its documents',
      tag,
      needs: 'DELETE on the whole doctype',
      answers: { 200: 'Deleted', 400: 'A revision was given: the id is missing in the path', 404: 'No such doctype' },
    },
    async (c, { path: { type } }) => {
      // A client whose id got lost means one document, not all of them.
      if (query(c).has('rev') || (header(c, 'if-match') ?? '') !== '') {
        throw requestProblem('A revision was given without a document id')
      }
      const { ref } = await enterWhole(c, instances, type, 'DELETE', 'write')
      await documents.dropDatabase(ref)
      return jsonText(c, 200, '{"ok":true,"deleted":true}')
    },
  )
}

function status(info: DatabaseInfo): object {
  const { bytes } = info
  return {
    db_name: info.ref.name,
    update_seq: formatSequence(info),
    purge_seq: '0',
    doc_count: info.docCount,
    doc_del_count: info.deletedCount,
    sizes: { file: bytes, external: bytes, active: bytes },
    other: { data_size: 0 },
    disk_size: 0,
    data_size: 0,
    compact_running: false,
    disk_format_version: 8,
    // Another value for a database that was made again, so that no client continues from an old checkpoint.
    instance_start_time: info.epoch,
    cluster: { q: 1, n: 1, w: 1, r: 1 },
    props: {},
  }
}
