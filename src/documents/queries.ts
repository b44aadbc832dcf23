/** Mango over a document store: plans come from `mango/`, rows from the store; planned again when indexes change. */
import { type DatabaseRef, type DocumentStore, type IndexList, StaleIndexes } from '../../storage/documents/contract.ts'
import { Problem } from '../model/errors.ts'
import type { Json, JsonObject } from '../model/json/value.ts'
import { formatRevision } from '../model/revision.ts'
import { conflicts } from '../model/revision-tree.ts'
import { explain } from './mango/explain.ts'
import { type FindRequest, parseFindRequest } from './mango/find-request.ts'
import { type Plan, planFind } from './mango/plan.ts'
import { type FindReader, runFind } from './mango/run.ts'
import type { FindAnswer, FindFace } from './service.ts'

type Store = Pick<DocumentStore, 'indexes' | 'scanIndex' | 'scanIds' | 'readTree'>

/** A query may take this long; the store's own limit for one statement is shorter. */
const timeLimitMs = 60_000
/** How often a query is planned again because another writer made or dropped an index. */
const maxPlans = 5

export async function find(store: Store, ref: DatabaseRef, body: Json, face: FindFace): Promise<FindAnswer> {
  const request = limited(parseFindRequest(body), face)
  for (let attempt = 0; attempt < maxPlans; attempt += 1) {
    const planned = await plan(store, ref, request, attempt > 0)
    if (face.refuseUnindexed && planned.plan.unindexed) {
      throw new Problem('no_index', 'no matching index found, create an index')
    }
    try {
      const { docs, bookmark, bookmarkAbsent, warnings, stats } = await runFind(
        planned.plan,
        request,
        readerOf(store, ref, planned.epoch),
        timeLimitMs,
      )
      return { docs, bookmark, bookmarkAbsent, warnings, stats: { ...stats } }
    } catch (error) {
      if (!(error instanceof StaleIndexes)) throw error
    }
  }
  throw new Problem('store_unavailable', 'The indexes of this database keep changing; try again.')
}

export async function explainFind(store: Store, ref: DatabaseRef, body: Json, face: FindFace): Promise<JsonObject> {
  const request = limited(parseFindRequest(body), face)
  const list = await store.indexes(ref, { fresh: true })
  return explain(request, list.views, ref.name)
}

function limited(request: FindRequest, { defaultLimit }: FindFace): FindRequest {
  return { ...request, limit: request.limit ?? defaultLimit }
}

/** The list of indexes in memory is good enough for a plan that uses one; before a refusal or a full scan it is read again. */
async function plan(
  store: Store,
  ref: DatabaseRef,
  request: FindRequest,
  fresh: boolean,
): Promise<{ readonly plan: Plan; readonly epoch: number }> {
  const list = await store.indexes(ref, { fresh })
  const first = attempt(request, list)
  if (fresh || ('plan' in first && !first.plan.unindexed && first.plan.warnings.length === 0))
    return settled(first, list)
  const current = await store.indexes(ref, { fresh: true })
  return settled(current.epoch === list.epoch ? first : attempt(request, current), current)
}

type Attempt = { readonly plan: Plan } | { readonly refusal: unknown }

function attempt(request: FindRequest, list: IndexList): Attempt {
  try {
    return { plan: planFind(request, list.views) }
  } catch (refusal) {
    return { refusal }
  }
}

function settled(result: Attempt, { epoch }: IndexList): { readonly plan: Plan; readonly epoch: number } {
  if ('refusal' in result) throw result.refusal
  return { plan: result.plan, epoch }
}

function readerOf(store: Store, ref: DatabaseRef, epoch: number): FindReader {
  return {
    scanIndex: (scan) => store.scanIndex(ref, { ...scan, epoch }),
    scanIds: (range) => store.scanIds(ref, range),
    async conflicts(id) {
      const tree = await store.readTree(ref, id)
      return tree ? conflicts(tree.nodes).map(formatRevision) : []
    },
  }
}
