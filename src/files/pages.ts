/** Everything below a directory, a page at a time: trees are unlimited, memory is not. */
import type { FilesReader } from '../../storage/files/contract.ts'
import { type Directory, type FileNode, type Node, nodeOf } from './node.ts'

const pageSize = 2_500

/** In no particular order. A page may be deleted or changed before the next one is asked for. */
export async function* nodePages(
  tree: Pick<FilesReader, 'descendants'>,
  dirId: string,
  kind?: Node['kind'],
): AsyncGenerator<readonly Node[]> {
  let after: string | undefined
  for (;;) {
    const page = await tree.descendants(dirId, { ...(kind === undefined ? {} : { kind }), after, limit: pageSize })
    if (page.length > 0) yield page.map(nodeOf)
    after = page.at(-1)?.id
    if (page.length < pageSize) return
  }
}

export async function* filePages(
  tree: Pick<FilesReader, 'descendants'>,
  dirId: string,
): AsyncGenerator<readonly FileNode[]> {
  for await (const page of nodePages(tree, dirId, 'file')) yield page.filter((node) => node.kind === 'file')
}

export async function* directoryPages(
  tree: Pick<FilesReader, 'descendants'>,
  dirId: string,
): AsyncGenerator<readonly Directory[]> {
  for await (const page of nodePages(tree, dirId, 'directory')) yield page.filter((node) => node.kind === 'directory')
}
