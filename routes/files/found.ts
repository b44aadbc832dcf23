/** Looking up the node that a request names, and whether the token may do something with it (files 1). */

import type { Directory, Node } from '../../src/files/node.ts'
import { notThere } from '../../src/files/problems.ts'
import { Problem } from '../../src/model/errors.ts'
import type { Verb } from '../../src/model/permissions.ts'
import { requireNode, requireSome, type Visit } from './access.ts'
import type { FilesServices } from './services.ts'

type Reader = Pick<FilesServices['files'], 'node' | 'nodeAt' | 'nodes' | 'ancestors'>

/** The node with this id. Throws 404, or 403. */
export async function nodeFor(visit: Visit, verb: Verb, id: string, files: Reader): Promise<Node> {
  requireSome(visit, verb)
  return allowed(visit, verb, await files.node(visit.drive, id), files)
}

/** The node at this absolute path. Throws 400 for another path, 404, or 403. */
export async function nodeAtFor(visit: Visit, verb: Verb, path: string, files: Reader): Promise<Node> {
  requireSome(visit, verb)
  return allowed(visit, verb, await files.nodeAt(visit.drive, path), files)
}

/** Throws 400 for a file. */
export function asDirectory(node: Node): Directory {
  if (node.kind === 'directory') return node
  throw new Problem('bad_request', 'This is a file, not a directory')
}

async function allowed(visit: Visit, verb: Verb, node: Node | undefined, files: Reader): Promise<Node> {
  if (node === undefined) throw notThere()
  await requireNode(visit, verb, node, files)
  return node
}
