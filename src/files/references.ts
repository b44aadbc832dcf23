/** Documents that say they use a file. Adding and removing twice is the same as once. */
import { changedMembers, nodeEdit, writeNode } from './document.ts'
import type { Work } from './drives.ts'
import { nodeById } from './lookup.ts'
import type { Node, Reference } from './node.ts'

export function addReferences(work: Work, id: string, references: readonly Reference[]): Promise<Node> {
  return change(work, id, (before) => unique([...before, ...references]))
}

export function removeReferences(work: Work, id: string, references: readonly Reference[]): Promise<Node> {
  return change(work, id, (before) => before.filter((one) => !references.some((other) => same(one, other))))
}

async function change(
  work: Work,
  id: string,
  after: (before: readonly Reference[]) => readonly Reference[],
): Promise<Node> {
  const node = await nodeById(work.tx, id)
  const references = after(node.referencedBy)
  if (references.length === node.referencedBy.length) return node
  const members = references.map(({ type, id: referencing }) => ({ type, id: referencing }))
  const value = changedMembers(work, node.exact, { referenced_by: members.length === 0 ? undefined : members })
  return writeNode(work.tx, nodeEdit(node, value))
}

function unique(references: readonly Reference[]): readonly Reference[] {
  const byKey = new Map(references.map((one) => [JSON.stringify([one.type, one.id]), one]))
  return [...byKey.values()]
}

function same(a: Reference, b: Reference): boolean {
  return a.type === b.type && a.id === b.id
}
