/** As much of a document store as instances need, in memory, for tests that are about instances and not about storage. */
import { createHash } from 'node:crypto'
import { noDatabase } from '../../../src/model/no-database.ts'
import type {
  DatabaseRef,
  DocumentStore,
  Edit,
  EditOutcome,
  StoredDocument,
} from '../../../storage/documents/contract.ts'

export interface MemoryStore extends DocumentStore {
  /** Names of the calls so far, for tests that count them. */
  readonly calls: string[]
  /** When set, the next call of this name rejects. */
  failNext: string | undefined
}

export function memoryStore(): MemoryStore {
  const databases = new Map<string, Map<string, StoredDocument>>()
  const keyOf = ({ prefix, name }: DatabaseRef) => `${prefix}\n${name}`
  let seq = 0n

  function apply(edit: Edit): EditOutcome {
    const documents = databases.get(keyOf(edit.ref))
    if (documents === undefined) return { kind: 'no_database' }
    const known = documents.get(edit.id)
    const { parent } = edit
    if (
      parent === undefined ? known !== undefined && !known.deleted : known === undefined || known.hash !== parent.hash
    ) {
      return { kind: known === undefined ? 'missing' : 'conflict' }
    }
    const gen = (known?.gen ?? 0) + 1
    const hash = createHash('md5').update(`${gen}${known?.hash}${edit.deleted}${edit.body.text}`).digest('hex')
    seq += 1n
    documents.set(edit.id, { id: edit.id, gen, hash, deleted: edit.deleted, text: edit.body.text, leaves: 1, seq })
    return { kind: 'ok', rev: { gen, hash }, seq }
  }

  function documentsOf(ref: DatabaseRef): Map<string, StoredDocument> {
    const documents = databases.get(keyOf(ref))
    if (documents === undefined) throw noDatabase()
    return documents
  }

  const live = (ref: DatabaseRef) =>
    [...documentsOf(ref).values()].filter((document) => !document.deleted).sort((a, b) => (a.id < b.id ? -1 : 1))

  const store: Partial<DocumentStore> & { calls: string[]; failNext: string | undefined } = {
    calls: [],
    failNext: undefined,
    async createDatabase(ref) {
      if (databases.has(keyOf(ref))) return 'exists'
      databases.set(keyOf(ref), new Map())
      return 'created'
    },
    async databaseInfo(ref) {
      if (!databases.has(keyOf(ref))) throw noDatabase()
      return { ref, epoch: '1', updateSeq: seq, docCount: live(ref).length, deletedCount: 0, bytes: 0, revsLimit: 1000 }
    },
    async listDatabases(prefix) {
      return [...databases.keys()]
        .filter((key) => key.startsWith(`${prefix}\n`))
        .map((key) => key.slice(prefix.length + 1))
        .sort()
    },
    async dropPrefix(prefix) {
      for (const key of [...databases.keys()]) if (key.startsWith(`${prefix}\n`)) databases.delete(key)
    },
    async write(edits, options) {
      if (!options?.atomic) return edits.map(apply)
      const before = new Map([...databases].map(([key, documents]) => [key, new Map(documents)]))
      const outcomes = edits.map(apply)
      if (outcomes.some((outcome) => outcome.kind !== 'ok'))
        for (const [key, documents] of before) databases.set(key, documents)
      return outcomes
    },
    async read(ref, id) {
      return documentsOf(ref).get(id)
    },
    async readMany(ref, ids) {
      const documents = documentsOf(ref)
      return ids.flatMap((id) => documents.get(id) ?? [])
    },
    async scanIds(ref, { start, skip, limit }) {
      const rows = live(ref).filter(
        ({ id }) => start === undefined || id > start.id || (start.inclusive && id === start.id),
      )
      return rows.slice(skip, skip + limit)
    },
    countIds: async (ref) => live(ref).length,
  }

  return new Proxy(store as MemoryStore, {
    get(target, name: keyof MemoryStore) {
      const member = target[name]
      if (typeof member !== 'function') return member
      return async (...args: never[]) => {
        target.calls.push(name)
        await Promise.resolve()
        if (target.failNext === name) {
          target.failNext = undefined
          throw new Error(`${name} failed`)
        }
        return (member as (...args: never[]) => unknown)(...args)
      }
    },
  })
}
