/** A small model of documents with revision trees, written without a look at the engine's own code. */

export interface Node {
  readonly gen: number
  readonly hash: string
  readonly parent: string | undefined
  readonly deleted: boolean
  /** The members; `undefined` for an ancestor that is only named. */
  readonly body: unknown
}

export interface ModelEdit {
  readonly id: string
  readonly parent: { readonly gen: number; readonly hash: string } | undefined
  readonly deleted: boolean
  readonly mustExist: boolean
  readonly unknownParent: 'accept' | 'refuse'
  readonly body: unknown
}

/** What an edit must give; `gen` and `parent` of the new revision where it is accepted. */
export type Verdict =
  | { readonly kind: 'ok'; readonly gen: number; readonly parent: string | undefined }
  | { readonly kind: 'conflict' | 'missing' | 'deleted' }

export class ModelDatabase {
  readonly #trees = new Map<string, Map<string, Node>>()
  seq = 0n

  ids(): string[] {
    return [...this.#trees.keys()]
  }

  nodes(id: string): Node[] {
    return [...(this.#trees.get(id)?.values() ?? [])]
  }

  leaves(id: string): Node[] {
    const nodes = this.nodes(id)
    return nodes.filter((node) => !nodes.some(({ gen, parent }) => gen === node.gen + 1 && parent === node.hash))
  }

  /** Live before deleted, then the longer branch, then the greater hash. */
  winner(id: string): Node | undefined {
    const rank = ({ deleted, gen, hash }: Node) =>
      `${deleted ? 0 : 1} ${String(gen).padStart(9, '0')} ${Buffer.from(hash).toString('hex')}`
    return this.leaves(id).sort((a, b) => (rank(a) < rank(b) ? 1 : -1))[0]
  }

  judge(edit: ModelEdit): Verdict {
    const top = this.winner(edit.id)
    const after = (parent: { gen: number; hash: string } | undefined): Verdict => ({
      kind: 'ok',
      gen: (parent?.gen ?? 0) + 1,
      parent: parent?.hash,
    })
    if (!top) {
      const refused = edit.mustExist || (edit.parent !== undefined && edit.unknownParent === 'refuse')
      return refused ? { kind: 'missing' } : after(edit.parent)
    }
    if (top.deleted) return edit.parent || edit.mustExist ? { kind: 'deleted' } : after(top)
    const leaf = this.leaves(edit.id).find(
      ({ gen, hash, deleted }) => !deleted && gen === edit.parent?.gen && hash === edit.parent.hash,
    )
    return leaf ? after(leaf) : { kind: 'conflict' }
  }

  /** Stores an accepted edit. */
  accept(edit: ModelEdit, rev: { readonly gen: number; readonly hash: string }, parent: string | undefined): void {
    if (parent !== undefined && this.nodes(edit.id).length === 0) this.#name(edit.id, rev.gen - 1, parent)
    this.#put(edit.id, { ...rev, parent, deleted: edit.deleted, body: edit.body })
    this.seq += 1n
  }

  /** Stores a revision with its history, newest first; one known by name only gets its body. True when anything changed. */
  graft(id: string, gen: number, path: readonly string[], deleted: boolean, body: unknown): boolean {
    const known = (at: number) => this.#trees.get(id)?.has(`${gen - at}-${path[at]}`) ?? false
    const top = this.nodes(id).find((node) => node.gen === gen && node.hash === path[0])
    if (top?.body !== undefined) return false
    this.#put(id, { gen, hash: path[0] ?? '', parent: top?.parent ?? path[1], deleted, body })
    for (let at = 1; at < path.length && !known(at); at += 1) this.#name(id, gen - at, path[at] ?? '', path[at + 1])
    return true
  }

  #name(id: string, gen: number, hash: string, parent?: string): void {
    this.#put(id, { gen, hash, parent, deleted: false, body: undefined })
  }

  #put(id: string, node: Node): void {
    const tree = this.#trees.get(id) ?? new Map<string, Node>()
    tree.set(`${node.gen}-${node.hash}`, node)
    this.#trees.set(id, tree)
  }
}
