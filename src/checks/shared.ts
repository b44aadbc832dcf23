/** Revision trees of shared documents: each revision is one generation above the one it was made from. */
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { scanExisting } from '../instances/own-documents.ts'
import { isObject, type Json } from '../model/json/value.ts'
import { type CheckFinding, findingsOf } from './finding.ts'

/** A tree that is deeper than this was made with bad intent. */
const maxDepth = 100_000

export function checkShared(
  store: Pick<DocumentStore, 'scanIds' | 'databaseInfo'>,
  prefix: string,
): Promise<readonly CheckFinding[]> {
  return findingsOf(async () => {
    const found: CheckFinding[] = []
    for await (const { id, value } of scanExisting(store, { prefix, name: 'io.cozy.shared' })) {
      const wrong = isDecodable(value['revisions'], value['infos']) ? brokenStep(value['revisions']) : undefined
      if (!isDecodable(value['revisions'], value['infos'])) {
        found.push({ type: 'invalid_json', _id: id, parent_rev: '', child_rev: '' })
      } else if (wrong !== undefined) {
        found.push({ type: 'invalid_revs_suite', _id: id, parent_rev: wrong.parent, child_rev: wrong.child })
      }
    }
    return found
  })
}

function isDecodable(revisions: Json | undefined, infos: Json | undefined): boolean {
  return isTree(revisions) && (infos === undefined || infos === null || isObject(infos))
}

function isTree(tree: Json | undefined): boolean {
  const open: (Json | undefined)[] = [tree]
  for (let seen = 0; open.length > 0; seen++) {
    const node = open.pop()
    if (node === undefined || seen > maxDepth) return seen > 0
    if (node === null) return tree !== null
    if (!isObject(node) || typeof (node['rev'] ?? '') !== 'string') return false
    const branches = node['branches'] ?? []
    if (!Array.isArray(branches)) return false
    open.push(...branches)
  }
  return true
}

/** The first step, depth first, that is not from one generation to the next. */
function brokenStep(tree: Json | undefined): { readonly parent: string; readonly child: string } | undefined {
  const open: Json[] = isObject(tree) ? [tree] : []
  while (open.length > 0) {
    const node = open.pop()
    if (!isObject(node)) continue
    const parent = String(node['rev'] ?? '')
    const branches = (Array.isArray(node['branches']) ? node['branches'] : []).filter(isObject)
    for (const branch of branches) {
      const child = String(branch['rev'] ?? '')
      if (generation(child) !== generation(parent) + 1) return { parent, child }
    }
    open.push(...branches.toReversed())
  }
  return undefined
}

function generation(rev: string): number {
  const number = Number.parseInt(rev, 10)
  return Number.isNaN(number) ? 0 : number
}
