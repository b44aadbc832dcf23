import type { Node } from '../../src/files/node.ts'
import { notThere } from '../../src/files/problems.ts'
import { requireNew, requireNode, type Visit } from './access.ts'
import type { Patch } from './patch-request.ts'
import type { FilesServices } from './services.ts'

/** Throws 403 unless the token allows PATCH on the node and on the directory that it is to move to. */
export async function requirePatch(
  visit: Visit,
  node: Node,
  patch: Patch,
  files: FilesServices['files'],
): Promise<void> {
  await requireNode(visit, 'PATCH', node, files)
  const dirId = patch.kind === 'change' ? patch.changes.dirId : undefined
  if (dirId === undefined || dirId === node.dirId) return
  await requireNew(visit, 'PATCH', { dirId, tags: node.tags, value: { ...node.value, dir_id: dirId } }, files)
}

/** Does what a patch asks for (files 5.1); `undefined`: the node is gone for good. */
export async function applyPatch(
  visit: Visit,
  id: string,
  patch: Patch,
  ifMatch: string | undefined,
  files: FilesServices['files'],
): Promise<Node | undefined> {
  switch (patch.kind) {
    case 'destroy':
      await files.destroy(visit.drive, id, { ifMatch, inTrash: false })
      return undefined
    case 'trash':
      return files.trash(visit.drive, id, ifMatch)
    case 'change':
      return files.change(visit.drive, id, { ...patch.changes, ifMatch })
  }
}

/** The same after a look at the token. Throws 404, or 403. */
export async function patchNode(
  visit: Visit,
  node: Node | undefined,
  patch: Patch,
  ifMatch: string | undefined,
  files: FilesServices['files'],
): Promise<Node | undefined> {
  if (node === undefined) throw notThere()
  await requirePatch(visit, node, patch, files)
  return applyPatch(visit, node.id, patch, ifMatch, files)
}
