/** After any sequence of writes the entries of every index are those that all documents together give. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type postgres from 'postgres'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import type { DatabaseRef, DocumentStore, Edit } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bothPostgres, plainSql } from '../conformance/postgres-targets.ts'
import { indexEntries } from './index-entries.ts'
import { type EditPlan, type Operation, operation } from './operations.ts'
import { bodyOf, World } from './world.ts'

const searchMs = 4_000
const timeout = 60_000
const bounds = { numRuns: 5_000, interruptAfterTimeLimit: searchMs, markInterruptAsFailure: false }

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    let stores: DocumentStore[] = []
    let sql: postgres.Sql
    let names = 0
    beforeAll(async () => {
      const target = await server.createDatabase()
      const options = { target, maxConnections: 4, compiler: indexCompiler, sweepEveryMs: 200 }
      stores = [await openPostgresDocuments(options), await openPostgresDocuments(options)]
      sql = plainSql(target)
    }, timeout)
    afterAll(async () => {
      await Promise.all(stores.map((store) => store.close()))
      await sql?.end({ timeout: 1 })
    })

    const inDatabase = async (work: (ref: DatabaseRef) => Promise<void>) => {
      const ref = { prefix: 'entries', name: `db${++names}` }
      await stores[0]!.createDatabase(ref)
      await work(ref)
      // A list is given when all indexes are built.
      await stores[0]!.indexes(ref, { fresh: true })
      const { kept, anew } = await indexEntries(sql, ref)
      expect(kept).toEqual(anew)
      await stores[0]!.dropDatabase(ref)
    }

    test(
      'after writes one by one',
      () => {
        const operations = fc.array(operation, { minLength: 1, maxLength: 20 })
        const law = fc.asyncProperty(operations, (given) =>
          inDatabase(async (ref) => {
            const world = new World(stores, ref)
            for (const one of [...designs, ...given]) {
              await world.apply(one)
              // Built at once, by one of the two, so that what the other leaves out is not made up for later.
              await stores[0]!.indexes(ref, { fresh: true })
            }
          }),
        )
        return fc.assert(law, bounds)
      },
      timeout,
    )

    test(
      'after writes at the same time, in two processes, while indexes come and go',
      () => {
        const plans = fc.array(fc.array(operation, { minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 6 })
        const law = fc.asyncProperty(plans, (writers) =>
          inDatabase(async (ref) => {
            await Promise.all(writers.map((operations, n) => race(stores[n % 2]!, ref, operations)))
          }),
        )
        return fc.assert(law, bounds)
      },
      timeout,
    )
  })
}

/** Two indexes from the start, so that most sequences meet some. */
const designs: readonly Operation[] = [
  { kind: 'write', edits: [design('_design/x', 'n')] },
  { kind: 'write', edits: [design('_design/y', 's')] },
]

function design(id: string, field: string): EditPlan {
  const map = { fields: { [field]: 'asc' }, partial_filter_selector: {} }
  const body = { language: 'query', views: { v: { map, reduce: '_count', options: { def: { fields: [field] } } } } }
  return { id, aim: { kind: 'none' }, deleted: false, mustExist: false, unknownParent: 'refuse', body }
}

/** Operations whose outcome depends on who comes first; revisions are read before each write. */
async function race(store: DocumentStore, ref: DatabaseRef, operations: readonly Operation[]): Promise<void> {
  for (const one of operations) {
    if (one.kind === 'write') {
      const edits = one.edits.map(async (plan): Promise<Edit> => {
        const { aim, ...rest } = plan
        const top = aim.kind === 'none' ? undefined : await store.read(ref, plan.id)
        const parent = top?.deleted ? undefined : top
        return { ...rest, ref, parent, body: bodyOf(plan), unknownParent: 'accept' }
      })
      await store.write(await Promise.all(edits))
      if (one.edits.some(({ id }) => id.startsWith('_design/'))) await store.indexes(ref)
    }
    if (one.kind === 'replicate') {
      const revisions = one.grafts.map((plan) => {
        const path = Array.from({ length: plan.length + 1 }, (_, at) => `${plan.named}-${plan.length - at}`)
        return { id: plan.id, gen: path.length, path, deleted: plan.deleted, body: bodyOf(plan) }
      })
      await store.replicate(ref, revisions)
    }
    if (one.kind === 'recreate') await store.indexes(ref)
  }
}
