/** Jobs for `zip` and `unzip` are not supported here; their messages are checked, and the answer says so. */
import type { FileStore } from '../../../storage/files/contract.ts'
import { isObject } from '../../model/json/value.ts'
import { JobFailure, type Worker } from '../service.ts'

export function archiveWorkers(files: Pick<FileStore, 'tree'>): readonly Worker[] {
  return [
    {
      name: 'unzip',
      async run({ message, tenant }) {
        const id = isObject(message) && typeof message['zip'] === 'string' ? message['zip'] : ''
        const [archive] = await files.tree(tenant.prefix).byIds([id])
        throw new JobFailure(archive === undefined ? 'file does not exist' : 'this server does not unpack archives', {
          final: true,
        })
      },
    },
    {
      name: 'zip',
      async run({ message }) {
        const chosen = isObject(message) && isObject(message['files']) ? Object.keys(message['files']) : []
        if (chosen.length > 0) throw new JobFailure('this server does not make archives by jobs', { final: true })
      },
    },
  ]
}
