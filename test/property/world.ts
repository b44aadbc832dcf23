/** A database in the real store beside its model: applies operations to both and tells where they differ. */

import { expect } from 'bun:test'
import { makeBody } from '../../src/model/body.ts'
import { parseJson, stringifyJson } from '../../src/model/json/exact.ts'
import type { JsonObject } from '../../src/model/json/value.ts'
import type { Body, DatabaseRef, DocumentStore, Edit, EditOutcome } from '../../storage/documents/contract.ts'
import type { Aim, EditPlan, GraftPlan, Operation } from './operations.ts'
import { ModelDatabase, type ModelEdit, type Node } from './revision-model.ts'

const stranger = { gen: 3, hash: 'stranger' }

export class World {
  readonly ref: DatabaseRef
  readonly #stores: readonly DocumentStore[]
  readonly #hashes = new Map<string, string>()
  #model = new ModelDatabase()
  #turn = 0
  #names = 0

  /** The stores are open on the same database and take turns. */
  constructor(stores: readonly DocumentStore[], ref: DatabaseRef) {
    this.#stores = stores
    this.ref = ref
  }

  async apply(operation: Operation): Promise<void> {
    this.#turn += 1
    const store = this.#next(0)
    if (operation.kind === 'write') await this.#write(store, operation.edits)
    if (operation.kind === 'replicate') await this.#replicate(store, operation.grafts)
    if (operation.kind === 'recreate') {
      await store.dropDatabase(this.ref)
      expect(await store.createDatabase(this.ref)).toBe('created')
      this.#model = new ModelDatabase()
    }
    const info = await this.#next(1).databaseInfo(this.ref)
    expect(info.updateSeq).toBe(this.#model.seq)
  }

  /** Everything that can be read agrees with the model. */
  async check(): Promise<void> {
    const store = this.#next(0)
    const model = this.#model
    const ids = model.ids()
    const winners = ids.map((id) => model.winner(id))
    const live = winners.filter((node) => node?.deleted === false).length
    expect(await store.databaseInfo(this.ref)).toMatchObject({ docCount: live, deletedCount: ids.length - live })
    const trees = await this.#next(1).readTrees(this.ref, [...ids, 'never'])
    expect([...trees.keys()].sort()).toEqual([...ids].sort())
    const sequences = [...trees.values()].map(({ seq }) => seq)
    expect(new Set(sequences).size).toBe(ids.length)
    for (const id of ids) await this.#checkDocument(store, id, trees.get(id)?.nodes ?? [])
    const page = { descending: false, skip: 0, limit: 99, bodies: true }
    const listed = await this.#next(1).scanIds(this.ref, page)
    const liveIds = ids.filter((id) => model.winner(id)?.deleted === false)
    expect(listed.map(({ id }) => id)).toEqual(liveIds.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  }

  async #checkDocument(store: DocumentStore, id: string, found: readonly object[]): Promise<void> {
    const model = this.#model
    const leaves = model.leaves(id)
    const expected = model.nodes(id).map((node) => ({
      ...{ gen: node.gen, hash: node.hash, parent: node.parent, deleted: node.deleted },
      ...{ leaf: leaves.includes(node), hasBody: node.body !== undefined },
    }))
    expect(sorted(found)).toEqual(sorted(expected))
    const top = model.winner(id)
    const read = await store.read(this.ref, id)
    if (!read) throw new Error(`${id} is missing`)
    expect(read).toMatchObject({ gen: top?.gen, hash: top?.hash, deleted: top?.deleted, leaves: leaves.length })
    for (const { gen, hash, body } of model.nodes(id)) {
      const revision = await this.#next(1).readRevision(this.ref, id, { gen, hash })
      expect(revision && parseJson(revision.text).value).toEqual(body as never)
    }
  }

  async #write(store: DocumentStore, plans: readonly EditPlan[]): Promise<void> {
    const before = this.#model.seq
    const edits = plans.map((plan): ModelEdit => {
      const { aim, ...edit } = plan
      return { ...edit, body: bodyOf(plan).value, parent: this.#target(plan.id, aim, stranger) }
    })
    const verdicts = edits.map((edit) => this.#model.judge(edit))
    const asked = edits.map((edit, at): Edit => ({ ...edit, ref: this.ref, body: bodyOf(plans[at]!) }))
    const outcomes = await store.write(asked)
    expect(outcomes.map(shown)).toEqual(
      verdicts.map((verdict) => (verdict.kind === 'ok' ? `ok ${verdict.gen}` : verdict.kind)),
    )
    const sequences: bigint[] = []
    for (const [at, outcome] of outcomes.entries()) {
      const [edit, verdict] = [edits[at]!, verdicts[at]!]
      if (outcome.kind !== 'ok' || verdict.kind !== 'ok') continue
      sequences.push(outcome.seq)
      this.#model.accept(edit, outcome.rev, verdict.parent)
      const cause = `${edit.deleted} ${verdict.gen} ${verdict.parent} ${bodyOf(plans[at]!).digest}`
      expect(outcome.rev.hash).toBe(this.#hashes.get(cause) ?? outcome.rev.hash)
      this.#hashes.set(cause, outcome.rev.hash)
    }
    // Each edit has a number of its own, and none is left out.
    expect(sequences.sort()).toEqual(sequences.map((_, at) => before + BigInt(at) + 1n).sort())
  }

  async #replicate(store: DocumentStore, plans: readonly GraftPlan[]): Promise<void> {
    const changed = new Set<string>()
    const revisions = plans.map((plan) => {
      const { gen, path } = this.#pathOf(plan)
      const body = bodyOf(plan)
      if (this.#model.graft(plan.id, gen, path, plan.deleted, body.value)) changed.add(plan.id)
      return { id: plan.id, gen, path, deleted: plan.deleted, body }
    })
    await store.replicate(this.ref, revisions)
    this.#model.seq += BigInt(changed.size)
  }

  /** New revisions on top of a known one and of some of its ancestors, or on nothing known. */
  #pathOf({ id, aim, length, named }: GraftPlan): { gen: number; path: string[] } {
    const base = this.#target(id, aim, undefined)
    const ancestors: string[] = []
    for (let node = base && this.#node(id, base); node && ancestors.length <= named; ) {
      ancestors.push(node.hash)
      const parent: string | undefined = node.parent
      node = parent === undefined ? undefined : this.#node(id, { gen: node.gen - 1, hash: parent })
    }
    const made = Array.from({ length: Math.max(length, base ? 0 : 1) }, () => {
      this.#names += 1
      return `${'xmc'[this.#names % 3]}${this.#names}`
    })
    return { gen: (base?.gen ?? named) + made.length, path: [...made, ...ancestors] }
  }

  #node(id: string, { gen, hash }: { readonly gen: number; readonly hash: string }): Node | undefined {
    return this.#model.nodes(id).find((node) => node.gen === gen && node.hash === hash)
  }

  #target<T>(id: string, aim: Aim, unknown: T): { gen: number; hash: string } | T | undefined {
    if (aim.kind === 'none') return undefined
    if (aim.kind === 'unknown') return unknown
    if (aim.kind === 'winner') return this.#model.winner(id)
    const from = aim.kind === 'leaf' ? this.#model.leaves(id) : this.#model.nodes(id)
    return from[aim.at % Math.max(from.length, 1)]
  }

  #next(step: number): DocumentStore {
    return this.#stores[(this.#turn + step) % this.#stores.length]!
  }
}

/** A body as the engine makes it. */
export function bodyOf({ id, body }: { readonly id: string; readonly body: JsonObject }): Body {
  const { value, exact } = parseJson(stringifyJson(body))
  return makeBody(id, value as JsonObject, stringifyJson(exact), Number.POSITIVE_INFINITY)
}

function shown(outcome: EditOutcome): string {
  return outcome.kind === 'ok' ? `ok ${outcome.rev.gen}` : outcome.kind
}

function sorted(nodes: readonly object[]): readonly object[] {
  return [...nodes].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
