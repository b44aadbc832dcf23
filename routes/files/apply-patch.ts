import { checkRevision } from '../../src/files/lookup.ts'
import type { Node } from '../../src/files/node.ts'
import { fileNotFound } from '../../src/files/problems.ts'
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

/** Applies a patch. Resolves to the node as it is now or, when it was destroyed, as it was. */
export async function applyPatch(
  visit: Visit,
  node: Node,
  patch: Patch,
  ifMatch: string | undefined,
  files: FilesServices['files'],
): Promise<Node> {
  const { id } = node
  switch (patch.kind) {
    case 'nothing':
      checkRevision(node, ifMatch)
      return node
    case 'destroy':
      return files.destroy(visit.drive, id, { ifMatch, inTrash: false })
    case 'trash':
      return files.trash(visit.drive, id, ifMatch)
    case 'change':
      return files.change(visit.drive, id, { ...patch.changes, ifMatch })
  }
}

/** The same after checking that the token allows it. Throws 404, or 403. */
export async function patchNode(
  visit: Visit,
  node: Node | undefined,
  patch: Patch,
  ifMatch: string | undefined,
  files: FilesServices['files'],
): Promise<Node> {
  if (node === undefined) throw fileNotFound()
  await requirePatch(visit, node, patch, files)
  return applyPatch(visit, node, patch, ifMatch, files)
}
