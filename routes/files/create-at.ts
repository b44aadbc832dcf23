/** `POST /files/?Type=directory&Path=/a/b`: a directory by its path, with those above it when asked. */
import { rootId } from '../../src/files/node.ts'
import type { HttpContext } from '../http/router.ts'
import { requireNew, requireNode, type Visit } from './access.ts'
import { sendChanged } from './node-view.ts'
import type { FilesServices } from './services.ts'

export async function createAt(
  c: HttpContext,
  visit: Visit,
  asked: { readonly Path: string; readonly Recursive: boolean; readonly Tags: readonly string[] },
  { files }: FilesServices,
): Promise<Response> {
  await requirePath(visit, asked.Path, files)
  const made = await files.createDirectoryAt(visit.drive, asked.Path, { recursive: asked.Recursive, tags: asked.Tags })
  return sendChanged(c, 201, visit, made, files, { location: `/files/${made.id}` })
}

/** Throws 403 unless the token allows POST on the existing part of the path: the directory, or the nearest one above it. */
async function requirePath(visit: Visit, path: string, files: FilesServices['files']): Promise<void> {
  if (visit.permissions.allowsType('POST', 'io.cozy.files')) return
  for (let above = path; above !== ''; above = above.slice(0, above.lastIndexOf('/'))) {
    const there = await files.nodeAt(visit.drive, above)
    if (there === undefined) continue
    if (above === path) return requireNode(visit, 'POST', there, files)
    return requireNew(visit, 'POST', { dirId: there.id, value: {} }, files)
  }
  return requireNew(visit, 'POST', { dirId: rootId, value: {} }, files)
}
