/** Reads of a tenant's tree. */
import type { FilesReader } from '../../storage/files/contract.ts'
import { scanPage } from '../model/page-limits.ts'
import type { Drives } from './drives.ts'
import { findNode, nodeByPath } from './lookup.ts'
import { type Directory, type Node, nodeOf, rootId, trashId } from './node.ts'
import { cleanPath, joinPath } from './paths.ts'
import type { Children, DiskUsage, Drive, Files, Page } from './service.ts'

type Reading = Pick<
  Files,
  'node' | 'nodeAt' | 'nodes' | 'paths' | 'ancestors' | 'children' | 'walk' | 'sizeBelow' | 'usage' | 'referencing'
>

export function newReading(tree: Drives): Reading {
  return {
    async node(drive, id) {
      const found = await findNode(await tree.reader(drive), id)
      if (found !== undefined || (id !== rootId && id !== trashId)) return found
      // The database was dropped: these two are made again.
      tree.forget(drive)
      return findNode(await tree.reader(drive), id)
    },
    async nodeAt(drive, path) {
      return nodeByPath(await tree.reader(drive), cleanPath(path))
    },
    async nodes(drive, ids) {
      return (await (await tree.reader(drive)).byIds(ids)).map(nodeOf)
    },
    async paths(drive, nodes) {
      return pathsOf(await tree.reader(drive), nodes)
    },
    async ancestors(drive, id) {
      return (await tree.reader(drive)).ancestors(id)
    },
    async children(drive, directory, page) {
      return childrenOf(await tree.reader(drive), directory, page)
    },
    walk: (drive, directory) => walk(tree, drive, directory),
    async sizeBelow(drive, directory) {
      return (await tree.reader(drive)).sizeBelow(directory.id)
    },
    async usage(drive, options): Promise<DiskUsage> {
      const reader = await tree.reader(drive)
      const { files, versions } = await reader.usage()
      const trash = options?.trash ? await reader.sizeBelow(trashId) : undefined
      return { used: files + versions, files, versions, trash }
    },
    async referencing(drive, page) {
      const reader = await tree.reader(drive)
      const found = await reader.references({ ...page, limit: page.limit + 1 })
      return {
        nodes: found.slice(0, page.limit).map((document) => ({ node: nodeOf(document), at: document.at })),
        count: await reader.countReferences(page.type, page.id),
        more: found.length > page.limit,
      }
    },
  }
}

/** Directories store their paths, files derive theirs from their directory. */
async function pathsOf(tree: Pick<FilesReader, 'byIds'>, nodes: readonly Node[]): Promise<ReadonlyMap<string, string>> {
  const parentIds = new Set(nodes.flatMap((node) => (node.kind === 'file' ? [node.dirId] : [])))
  const parents = new Map(
    (parentIds.size === 0 ? [] : await tree.byIds([...parentIds]))
      .map(nodeOf)
      .flatMap((node) => (node.kind === 'directory' ? [[node.id, node.path] as const] : [])),
  )
  return new Map(
    nodes.flatMap((node) => {
      if (node.kind === 'directory') return [[node.id, node.path] as const]
      const parent = parents.get(node.dirId)
      return parent === undefined ? [] : [[node.id, joinPath(parent, node.name)] as const]
    }),
  )
}

/** The trash is a child of the root that appears neither in lists nor in counts. */
async function childrenOf(tree: FilesReader, directory: Directory, { limit, skip, after }: Page): Promise<Children> {
  const except = directory.id === rootId ? trashId : undefined
  const [found, count] = await Promise.all([
    tree.children(directory.id, { limit: limit + 1, after, except, ...(skip === undefined ? {} : { skip }) }),
    tree.countChildren(directory.id, except),
  ])
  return { nodes: found.slice(0, limit).map(nodeOf), count, more: found.length > limit }
}

/** Holds one page and the directories still to be read, however large the tree. Cycles are walked once. */
async function* walk(
  tree: Drives,
  drive: Drive,
  start: Directory,
): AsyncGenerator<{ readonly node: Node; readonly path: string }> {
  const reader = await tree.reader(drive)
  const waiting = [{ id: start.id, path: start.path }]
  const seen = new Set([start.id])
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    let after: Page['after']
    for (;;) {
      const except = directory.id === rootId ? trashId : undefined
      const page = (await reader.children(directory.id, { after, limit: scanPage, except })).map(nodeOf)
      for (const node of page) {
        const path = joinPath(directory.path, node.name)
        if (node.kind === 'directory') {
          if (seen.has(node.id)) continue
          seen.add(node.id)
          waiting.push({ id: node.id, path })
        }
        yield { node, path }
      }
      after = page.at(-1)
      if (page.length < scanPage) break
    }
  }
}
