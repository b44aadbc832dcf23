/** What is sent along with one node: versions of a file, a page of children of a directory. */
import type { Directory, Node } from '../../src/files/node.ts'
import type { Page } from '../../src/files/service.ts'
import { pageLimits } from '../../src/model/page-limits.ts'
import type { HttpContext } from '../http/router.ts'
import type { Visit } from './access.ts'
import { type NodeView, sendNode } from './answer.ts'
import { nextChildren } from './pagination.ts'
import type { FilesServices } from './services.ts'
import { thumbnailSecret } from './thumbnail-secret.ts'

/** Makes the secrets of links to thumbnails. */
export function thumbnailsOf({ instance }: Pick<Visit, 'instance'>): (fileId: string) => string {
  return (fileId) => thumbnailSecret(instance, fileId)
}

/** The view of a node as it is read or was just changed. */
export async function viewOf(
  visit: Visit,
  node: Node,
  files: FilesServices['files'],
  page: Page = { limit: pageLimits.files.children },
): Promise<NodeView> {
  const thumbnails = thumbnailsOf(visit)
  if (node.kind === 'file') return { thumbnails, versions: await files.versions(visit.drive, node.id) }
  return { thumbnails, contents: await contentsOf(visit, node, files, page, `/files/${encodeURIComponent(node.id)}`) }
}

/** A page of a directory's children; the next page is at `path`. */
export async function contentsOf(
  visit: Visit,
  directory: Directory,
  files: Pick<FilesServices['files'], 'children'>,
  page: Page,
  path: string,
): Promise<NonNullable<NodeView['contents']>> {
  const children = await files.children(visit.drive, directory, page)
  return { nodes: children.nodes, count: children.count, next: nextChildren(path, page, children) }
}

/** Answers with a new node: it has neither versions nor children. */
export function sendMade(c: HttpContext, visit: Visit, node: Node): Response {
  const thumbnails = thumbnailsOf(visit)
  const view = node.kind === 'file' ? { thumbnails } : { thumbnails, contents: { nodes: [], count: 0 } }
  return sendNode(c, 201, node, view, { location: `/files/${node.id}` })
}

/** Answers a node as it is after a change. */
export async function sendChanged(
  c: HttpContext,
  status: 200 | 201,
  visit: Visit,
  node: Node,
  files: FilesServices['files'],
  headers?: Readonly<Record<string, string>>,
): Promise<Response> {
  return sendNode(c, status, node, await viewOf(visit, node, files), headers)
}
