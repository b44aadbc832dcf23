/** `new_edits: false`: whatever the order in which revisions arrive, the tree, the winner and the conflicts are the same. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { openDocuments } from '../../src/documents/documents.ts'
import { indexCompiler } from '../../src/documents/mango/index-compiler.ts'
import { bodyDigest } from '../../src/model/json/exact.ts'
import type { DatabaseRef, DocumentStore } from '../../storage/documents/contract.ts'
import { openPostgresDocuments } from '../../storage/postgres/documents.ts'
import { bothPostgres } from '../conformance/postgres-targets.ts'
import { memoryObjects } from '../support/memory-objects.ts'
import { type Agreement, type Arrival, agreementOf, story } from './arrivals.ts'

const searchMs = 8_000
const id = 'a'

for (const server of bothPostgres) {
  describe.skipIf(!server.available)(server.name, () => {
    let stores: DocumentStore[] = []
    let names = 0
    beforeAll(async () => {
      const target = await server.createDatabase()
      const options = { target, maxConnections: 2, compiler: indexCompiler, sweepEveryMs: 1_000 }
      stores = [await openPostgresDocuments(options), await openPostgresDocuments(options)]
    }, 60_000)
    afterAll(() => Promise.all(stores.map((store) => store.close())))

    const law = fc.asyncProperty(story, async ({ arrivals, orders }) => {
      const expected = agreementOf(arrivals)
      for (const order of orders) {
        const ref = { prefix: 'arrivals', name: `db${++names}` }
        await stores[0]?.createDatabase(ref)
        for (const [turn, places] of order.entries()) {
          const revisions = places.map((place) => revisionOf(arrivals[place] as Arrival))
          await stores[turn % 2]?.replicate(ref, revisions)
        }
        expect(await stored(stores[1] as DocumentStore, ref)).toEqual(expected)
        await stores[0]?.dropDatabase(ref)
      }
    })

    test(
      'any order of arrival ends in one tree, one winner, the same conflicts',
      () => fc.assert(law, { numRuns: 5_000, interruptAfterTimeLimit: searchMs, markInterruptAsFailure: false }),
      60_000,
    )
  })
}

function revisionOf({ gen, path, deleted }: Arrival) {
  const value = { leaf: `${gen}-${path[0]}` }
  return { id, gen, path, deleted, body: { text: JSON.stringify(value), raw: false, digest: bodyDigest(value), value } }
}

/** The document as its readers see it; every leaf with the body that it came with. */
async function stored(store: DocumentStore, ref: DatabaseRef): Promise<Agreement> {
  const tree = await store.readTree(ref, id)
  const open = await openDocuments({ store, objects: memoryObjects() }).openRevisions(ref, id, 'all')
  if (!tree || typeof open === 'string') throw new Error('the document is missing')
  const leaves = open.map((one) => {
    if (!('ok' in one)) throw new Error(`a leaf without body: ${one.missing}`)
    expect(JSON.parse(one.ok.text)).toMatchObject({ leaf: one.ok.rev })
    return one.ok
  })
  const known = tree.nodes.filter(({ hasBody }) => hasBody).map(({ gen, hash }) => ({ id, gen, hash }))
  const bodies = await store.readRevisions(ref, known)
  expect(bodies.map((one) => one && JSON.parse(one.text))).toEqual(
    known.map(({ gen, hash }) => ({ leaf: `${gen}-${hash}` })),
  )
  const top = await store.read(ref, id)
  if (!top) throw new Error('no winner')
  expect({ gen: top.gen, hash: top.hash }).toEqual(tree.winner)
  expect(top.leaves).toBe(leaves.length)
  const live = leaves.filter(({ deleted }) => !deleted)
  expect(await store.databaseInfo(ref)).toMatchObject({
    docCount: live.length > 0 ? 1 : 0,
    deletedCount: live.length > 0 ? 0 : 1,
  })
  return {
    nodes: tree.nodes
      .map((node) => {
        const marks = `${node.leaf ? '*' : ''}${node.deleted ? '!' : ''}${node.hasBody ? '' : '?'}`
        return `${node.gen}-${node.hash}<${node.parent ?? ''}${marks}`
      })
      .sort(),
    winner: `${top.gen}-${top.hash}`,
    conflicts: live.map(({ rev }) => rev).filter((rev) => rev !== `${top.gen}-${top.hash}`),
    leaves: leaves.map(({ rev, deleted }) => `${rev}${deleted ? '!' : ''}`),
  }
}
