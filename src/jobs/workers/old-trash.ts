/** Deletes for good what has been in the trash of an instance for longer than its operator keeps it. */
import type { Node } from '../../files/node.ts'
import { trashId } from '../../files/node.ts'
import type { Drive, Files } from '../../files/service.ts'
import type { Instance, Instances } from '../../instances/service.ts'
import { Problem } from '../../model/errors.ts'
import { isObject } from '../../model/json/value.ts'
import type { Worker } from '../service.ts'

const page = 200

export interface OldTrashOptions {
  readonly files: Pick<Files, 'node' | 'children' | 'destroy'>
  readonly instances: Pick<Instances, 'byHost'>
  readonly driveOf: (instance: Instance) => Promise<Drive>
  /** Milliseconds that the trash of an instance is kept; `undefined`: for ever. */
  readonly keptMs: (instance: Instance) => number | undefined
}

export function oldTrashWorker({ files, instances, driveOf, keptMs }: OldTrashOptions): Worker {
  return {
    name: 'clean-old-trashed',
    concurrency: 1,
    maxExecCount: 2,
    timeout: 2 * 3_600,
    async run({ tenant, signal, progress }) {
      const instance = await instances.byHost(tenant.domain)
      const kept = instance && keptMs(instance)
      if (instance === undefined || kept === undefined) return
      const drive = await driveOf(instance)
      const trash = await files.node(drive, trashId)
      if (trash?.kind !== 'directory') return
      const before = Date.now() - kept
      let after: Parameters<Files['children']>[2]['after']
      let count = 0
      while (!signal.aborted) {
        const { nodes } = await files.children(drive, trash, { limit: page, after })
        for (const node of nodes) {
          signal.throwIfAborted()
          const since = trashedMs(node)
          if (since === undefined || since > before) continue
          await destroy(files, drive, node)
          count += 1
          progress(count, undefined, 'files')
        }
        const last = nodes.at(-1)
        if (nodes.length < page || last === undefined) return
        after = { kind: last.kind, name: last.name, id: last.id }
      }
    },
  }
}

function trashedMs({ value }: Node): number | undefined {
  const metadata = value['cozyMetadata']
  const time = isObject(metadata) ? Date.parse(String(metadata['trashedAt'])) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

/** It may have been restored or deleted in the meantime; or trashed again, which counts from then. */
async function destroy(files: Pick<Files, 'destroy'>, drive: Drive, { id, rev }: Node): Promise<void> {
  try {
    await files.destroy(drive, id, { inTrash: true, ifMatch: rev })
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
  }
}
