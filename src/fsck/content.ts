/** The content that documents name, compared with the object store. */
import { createHash } from 'node:crypto'
import type { StoredDocument } from '../../storage/documents/contract.ts'
import type { ObjectStore } from '../../storage/objects/contract.ts'
import { type Node, nodeOf } from '../files/node.ts'
import { Problem } from '../model/errors.ts'
import { contentName } from '../model/object-name.ts'
import type { Mismatch } from './finding.ts'

/** Content that must be in the store: the current one of a file, or a version's. */
export interface Content {
  readonly stored: StoredDocument
  /** The file; `undefined` for a version. */
  readonly node: Node | undefined
  /** Without the instance's prefix. */
  readonly name: string
  readonly size: number
  readonly md5sum: string
}

export function contentOfFile(stored: StoredDocument): Content | undefined {
  const node = nodeOf(stored)
  if (node.kind === 'directory') return undefined
  return { stored, node, name: contentName(node.id, node.internalId), size: node.size, md5sum: node.md5sum }
}

export function contentOfVersion(stored: StoredDocument): Content {
  const slash = stored.id.indexOf('/')
  const name = contentName(stored.id.slice(0, Math.max(0, slash)), stored.id.slice(slash + 1))
  // A version has the members `size` and `md5sum` of a file.
  const node = nodeOf(stored)
  const [size, md5sum] = node.kind === 'file' ? [node.size, node.md5sum] : [0, '']
  return { stored, node: undefined, name, size, md5sum }
}

/** The state of some content: intact, missing, or different from its document. */
export type Verdict = 'fine' | 'missing' | Mismatch

/**
 * Compares content with its object. Without `hash` by what the store says of it: its size on disk and the md5 taken
 * when it was written. With `hash` all its bytes are read: only that finds a disk that gives back other bytes than it got.
 */
export async function inspect(
  objects: Pick<ObjectStore, 'stat' | 'get' | 'ping'>,
  objectName: string,
  { size, md5sum }: Pick<Content, 'size' | 'md5sum'>,
  { hash, signal }: { readonly hash: boolean; readonly signal: AbortSignal },
): Promise<Verdict> {
  const found = await (hash ? readAll(objects, objectName, signal) : statOf(objects, objectName))
  if (found === undefined) return 'missing'
  if (found.size === size && found.md5 === md5sum) return 'fine'
  return {
    // A document without a number does not declare a size.
    size_index: Number.isFinite(size) ? size : 0,
    size_file: found.size,
    md5sum_index: md5sum,
    md5sum_file: found.md5,
  }
}

/** The store's description of an object. A damaged document may name something impossible: then there is no object. */
async function statOf(objects: Pick<ObjectStore, 'stat'>, objectName: string) {
  try {
    return await objects.stat(objectName)
  } catch (error) {
    if (error instanceof Problem && error.status < 500) return undefined
    throw error
  }
}

/** Size and md5 of an object's bytes as they are read now. */
export async function readAll(
  objects: Pick<ObjectStore, 'stat' | 'get' | 'ping'>,
  objectName: string,
  signal: AbortSignal,
): Promise<{ readonly size: number; readonly md5: string } | undefined> {
  if ((await statOf(objects, objectName)) === undefined) return undefined
  const opened = await objects.get(objectName)
  if (opened === undefined) return undefined
  const md5 = createHash('md5')
  let size = 0
  try {
    for await (const chunk of opened.body) {
      signal.throwIfAborted()
      md5.update(chunk)
      size += chunk.length
    }
  } catch (error) {
    signal.throwIfAborted()
    // The store works but cannot read this object: it is damaged, and this much of it is left.
    await objects.ping().catch(() => {
      throw error
    })
  }
  return { size, md5: md5.digest('base64') }
}
