/**
 * The revision tree of one document as a set of nodes. Pure: no function changes its arguments.
 * A `parent` that is not among the nodes was stemmed; the node counts as a root.
 */
import { compareRevisions, formatRevision, type RevisionId } from './revision.ts'

/** A node of a revision tree as kept. `hasBody` is false for ancestors only named by replication or compacted. */
export interface RevisionNode extends RevisionId {
  readonly parent: string | undefined
  readonly deleted: boolean
  readonly leaf: boolean
  readonly hasBody: boolean
}

export type TreeNode = RevisionNode

/** A revision as replication brings it: `path` holds the hashes of the revision itself and of its ancestors. */
export interface RevisionPath {
  readonly gen: number
  /** Newest first, `path[i]` has generation `gen - i`; at least one, at most `gen`. */
  readonly path: readonly string[]
  readonly deleted: boolean
}

export interface Merged {
  readonly nodes: readonly TreeNode[]
  /**
   * `new_leaf`: the revision continues a leaf. `new_branch`: it is new and continues none, so it may be a conflict.
   * `filled`: it was known by name only, or its body had been dropped. `ancestors`: it was known, but not all of its
   * ancestors. `none`: nothing new, `nodes` is the tree that was given.
   */
  readonly change: 'new_leaf' | 'new_branch' | 'filled' | 'ancestors' | 'none'
}

/**
 * Grafts a path on the tree: at its deepest known node, else as a new root. Where path and tree
 * disagree about the parent of a known node the tree wins. Only `path[0]` gets a body, and only when it has none: a value
 * wins over a missing one, as in CouchDB's `couch_key_tree`, so that the order of arrival does not matter. With `limit`
 * the result is stemmed, so that a path longer than the stored one is `none` when repeated.
 */
export function mergePath(nodes: readonly TreeNode[], path: RevisionPath, limit?: number): Merged {
  const tree = new GrowingTree(nodes)
  const change = tree.merge(path, limit)
  return { nodes: change === 'none' ? nodes : tree.nodes, change }
}

/** A tree that takes one path after another, as `mergePath` does: a path costs what it is long, however many leaves there are. */
export class GrowingTree {
  #nodes!: Map<string, TreeNode>
  /** Revisions that a node names as its parent: the node itself may be stemmed. */
  #parents!: Set<string>
  #highest = 0

  constructor(nodes: readonly TreeNode[]) {
    this.#take(nodes)
  }

  get nodes(): readonly TreeNode[] {
    return [...this.#nodes.values()]
  }

  find(rev: RevisionId): TreeNode | undefined {
    return this.#nodes.get(formatRevision(rev))
  }

  /** The leaf that readers see; `undefined` only for an empty tree. */
  winner(): TreeNode | undefined {
    return winner(this.#nodes.values())
  }

  /** See `Merged.change`. */
  merge({ gen, path, deleted }: RevisionPath, limit = Number.POSITIVE_INFINITY): Merged['change'] {
    const known = (at: number) => {
      const hash = path[at]
      return hash === undefined ? undefined : this.find({ gen: gen - at, hash })
    }
    const before = known(0)
    const isNew = before === undefined
    // It was stemmed: known to be an ancestor, so it must not come back as a leaf.
    if (isNew && this.#parents.has(formatRevision({ gen, hash: path[0] ?? '' }))) return 'none'
    let continuesLeaf = false
    const puts: TreeNode[] = []
    for (const [at, hash] of path.entries()) {
      const node = known(at)
      if (!node) {
        const leaf = at === 0
        puts.push({ gen: gen - at, hash, parent: path[at + 1], deleted: leaf && deleted, leaf, hasBody: leaf })
        continue
      }
      const parent = node.parent ?? path[at + 1]
      const leaf = node.leaf && at === 0
      if (leaf !== node.leaf) continuesLeaf = true
      if (at === 0 && !node.hasBody) puts.push({ ...node, parent, deleted, hasBody: true })
      else if (leaf !== node.leaf || parent !== node.parent) puts.push({ ...node, leaf, parent })
      if (parent !== path[at + 1]) break
    }
    if (puts.length === 0) return 'none'
    // Only a branch that is longer than the limit can lose anything.
    const mayStem = Math.max(this.#highest, gen) > limit
    const whole = mayStem ? this.nodes : []
    for (const node of puts) this.#put(node)
    if (mayStem) {
      const kept = stem(this.nodes, limit)
      const isSame = !isNew && sameNodes(whole, kept)
      this.#take(isSame ? whole : kept)
      if (isSame) return 'none'
    }
    if (isNew) return continuesLeaf ? 'new_leaf' : 'new_branch'
    return before.hasBody ? 'ancestors' : 'filled'
  }

  #take(nodes: readonly TreeNode[]): void {
    this.#nodes = new Map()
    this.#parents = new Set()
    for (const node of nodes) this.#put(node)
  }

  #put(node: TreeNode): void {
    this.#nodes.set(formatRevision(node), node)
    this.#highest = Math.max(this.#highest, node.gen)
    if (node.parent !== undefined) this.#parents.add(formatRevision({ gen: node.gen - 1, hash: node.parent }))
  }
}

/** Leaves, the winner first: not deleted before deleted, then the higher generation, then the greater hash. */
export function sortedLeaves(nodes: readonly TreeNode[]): readonly TreeNode[] {
  return nodes.filter((node) => node.leaf).sort(compareLeaves)
}

/** The leaf that readers see; `undefined` only for an empty tree. */
export function winner(nodes: Iterable<TreeNode>): TreeNode | undefined {
  let best: TreeNode | undefined
  for (const node of nodes) if (node.leaf && (best === undefined || compareLeaves(node, best) < 0)) best = node
  return best
}

/** Leaves that are not deleted and lost against the winner, in winner order. */
export function conflicts(nodes: readonly TreeNode[]): readonly TreeNode[] {
  return sortedLeaves(nodes)
    .slice(1)
    .filter((leaf) => !leaf.deleted)
}

/** Deleted leaves other than the winner, in winner order. */
export function deletedConflicts(nodes: readonly TreeNode[]): readonly TreeNode[] {
  return sortedLeaves(nodes)
    .slice(1)
    .filter((leaf) => leaf.deleted)
}

/** Hashes from a revision to its oldest known ancestor; empty when the revision is unknown. */
export function ancestry(nodes: readonly TreeNode[], rev: RevisionId): readonly string[] {
  const tree = indexOf(nodes)
  const hashes: string[] = []
  for (let node = tree.get(formatRevision(rev)); node; node = parentOf(tree, node)) hashes.push(node.hash)
  return hashes
}

/** The leaves that descend from a revision (itself when it is one), in winner order; none when it is unknown. */
export function leavesUnder(nodes: readonly TreeNode[], rev: RevisionId): readonly TreeNode[] {
  const tree = indexOf(nodes)
  return sortedLeaves(nodes).filter((leaf) => {
    let node: TreeNode | undefined = leaf
    while (node && node.gen > rev.gen) node = parentOf(tree, node)
    return node?.gen === rev.gen && node.hash === rev.hash
  })
}

/** Keeps the `limit` (at least 1) newest nodes of every branch; a node shared by branches stays while one needs it. */
export function stem(nodes: readonly TreeNode[], limit: number): readonly TreeNode[] {
  if (nodes.length <= limit) return nodes
  const tree = indexOf(nodes)
  const kept = new Map<TreeNode, number>()
  for (const leaf of nodes.filter((node) => node.leaf)) {
    // Nodes left to keep; a node that a branch passed with as many left needs no second visit.
    let left = limit
    let node: TreeNode | undefined = leaf
    while (node && left > (kept.get(node) ?? 0)) {
      kept.set(node, left)
      left -= 1
      node = parentOf(tree, node)
    }
  }
  return kept.size === nodes.length ? nodes : nodes.filter((node) => kept.has(node))
}

function indexOf(nodes: readonly TreeNode[]): Map<string, TreeNode> {
  return new Map(nodes.map((node) => [formatRevision(node), node]))
}

function parentOf(tree: ReadonlyMap<string, TreeNode>, { gen, parent }: TreeNode): TreeNode | undefined {
  return parent === undefined ? undefined : tree.get(formatRevision({ gen: gen - 1, hash: parent }))
}

function compareLeaves(a: TreeNode, b: TreeNode): number {
  return a.deleted === b.deleted ? compareRevisions(b, a) : Number(a.deleted) - Number(b.deleted)
}

function sameNodes(before: readonly TreeNode[], after: readonly TreeNode[]): boolean {
  if (before.length !== after.length) return false
  const tree = indexOf(before)
  return after.every((node) => {
    const old = tree.get(formatRevision(node))
    return old !== undefined && old.leaf === node.leaf && old.parent === node.parent && old.hasBody === node.hasBody
  })
}
