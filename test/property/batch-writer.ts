/**
 * A process with eight writers of batches over the same few databases, for the milliseconds given. Tells on standard
 * output what came of them. Arguments: the target as JSON, the databases' prefix, milliseconds.
 */
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import type { DatabaseRef, Edit, RevisionId } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bodyOf } from '../conformance/documents.ts'
import type { Target } from '../conformance/postgres-targets.ts'

export interface BatchReport {
  readonly ok: number
  readonly conflicts: number
  readonly errors: readonly string[]
}

const writers = 8
const databases = 8
const ids = 300
const [target = '', prefix = '', milliseconds = ''] = process.argv.slice(2)
const store = await openPostgresDocuments({
  ...{ target: JSON.parse(target) as Target, maxConnections: 8, compiler: indexCompiler, sweepEveryMs: 0 },
})
const known = new Map<string, RevisionId>()
let ok = 0
let conflicts = 0
const errors: string[] = []

const below = (n: number) => Math.floor(Math.random() * n)
const keyOf = (ref: DatabaseRef, id: string) => `${ref.name} ${id}`

function batch(): Edit[] {
  const edits = new Map<string, Edit>()
  for (let n = 1 + below(20); n > 0; n -= 1) {
    const ref = { prefix, name: `db${below(databases)}` }
    const id = `d${below(ids)}`
    const key = keyOf(ref, id)
    const body = bodyOf({ n: below(1_000), writer: process.pid })
    edits.set(key, { ref, id, parent: known.get(key), deleted: below(20) === 0, body, unknownParent: 'accept' })
  }
  return [...edits.values()]
}

async function refresh({ ref, id }: Edit): Promise<void> {
  const found = await store.read(ref, id)
  if (!found || found.deleted) known.delete(keyOf(ref, id))
  else known.set(keyOf(ref, id), { gen: found.gen, hash: found.hash })
}

async function write(until: number): Promise<void> {
  while (Date.now() < until) {
    const edits = batch()
    try {
      for (const [at, outcome] of (await store.write(edits)).entries()) {
        const edit = edits[at]!
        if (outcome.kind === 'ok') {
          ok += 1
          if (edit.deleted) known.delete(keyOf(edit.ref, edit.id))
          else known.set(keyOf(edit.ref, edit.id), outcome.rev)
        } else {
          conflicts += 1
          if (Math.random() < 0.5) await refresh(edit)
        }
      }
    } catch (error) {
      errors.push(String(error))
    }
  }
}

const until = Date.now() + Number(milliseconds)
await Promise.all(Array.from({ length: writers }, () => write(until)))
await store.close()
console.log(JSON.stringify({ ok, conflicts, errors } satisfies BatchReport))
