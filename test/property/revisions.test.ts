/** Random sequences of writes, through two open stores by turns, against a model of revisions. */
import { afterAll, beforeAll, describe, test } from 'bun:test'
import fc from 'fast-check'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bothPostgres } from '../conformance/postgres-targets.ts'
import { operation } from './operations.ts'
import { World } from './world.ts'

const searchMs = 5_000

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    let stores: DocumentStore[] = []
    let names = 0
    beforeAll(async () => {
      const target = await server.createDatabase()
      const options = { target, maxConnections: 2, compiler: indexCompiler, sweepEveryMs: 500 }
      stores = [await openPostgresDocuments(options), await openPostgresDocuments(options)]
    }, 60_000)
    afterAll(() => Promise.all(stores.map((store) => store.close())))

    const law = fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 25 }), async (operations) => {
      const world = new World(stores, { prefix: 'revisions', name: `db${++names}` })
      await stores[0]?.createDatabase(world.ref)
      for (const one of operations) await world.apply(one)
      await world.check()
      await stores[0]?.dropDatabase(world.ref)
    })

    test(
      'outcomes, winners, conflicts, counts and sequences are those of the model',
      () => fc.assert(law, { numRuns: 5_000, interruptAfterTimeLimit: searchMs, markInterruptAsFailure: false }),
      60_000,
    )
  })
}
