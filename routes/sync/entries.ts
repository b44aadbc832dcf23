/** Entries of API 1.0: what they are, whether they run, and starting and stopping them. */
import { z } from 'zod'
import { entryNotFound } from '../../src/sync/problems.ts'
import type { StoredEntry } from '../../storage/sync/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { answer, nowSeconds } from './answer.ts'
import { entryView } from './entry-view.ts'
import { Entry, failures, Transition } from './schemas.ts'
import type { SyncServices } from './services.ts'

const tag = 'sync entries'

export function entryRoutes(face: Face, { sync }: SyncServices): void {
  const find = async (name: string): Promise<StoredEntry> => {
    const entry = await sync.store.entry(name)
    if (entry === undefined) throw entryNotFound(name)
    return entry
  }
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/entries',
      summary: 'List the entries',
      tag,
      answers: { 200: z.object({ entries: z.array(Entry) }).describe('Entries by name'), 503: failures[503] },
    },
    async (c) => answer(c, { entries: (await sync.store.entries()).map((entry) => entryView(sync, entry)) }),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/entries/{name}',
      summary: 'An entry',
      tag,
      answers: { 200: Entry, ...failures },
    },
    async (c, { path }) => answer(c, entryView(sync, await find(path.name))),
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/entries/{name}/status',
      summary: 'Whether an entry runs',
      tag,
      answers: { 200: Transition, ...failures },
    },
    async (c, { path }) => {
      const { name, desired } = await find(path.name)
      return answer(c, { name, status: desired, time: nowSeconds() })
    },
  )
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.0/entries/{name}/stats',
      summary: 'Age, processor and memory of an entry',
      tag,
      answers: { 200: Transition, 409: 'It does not run', ...failures },
    },
    async (c, { path }) => {
      const { name } = await find(path.name)
      const { info, time } = (await sync.run({ kind: 'stats', entry: name })) as { info: object; time: number }
      return answer(c, { info, name, status: 'ok', time })
    },
  )
  for (const kind of ['stop', 'start', 'restart'] as const) {
    endpoint(
      face,
      {
        method: 'PUT',
        path: `/api/v1.0/entries/{name}/${kind}`,
        summary: `${kind[0]?.toUpperCase()}${kind.slice(1)} an entry`,
        tag,
        answers: { 200: Transition, 408: 'It goes on', 409: 'It is in the wrong state', ...failures },
      },
      async (c, { path: { name } }) => {
        const { time } = (await sync.run({ kind, entry: name })) as { time: number }
        return answer(c, { name, status: 'ok', time })
      },
    )
  }
}
