/** API 1.1: what is done, as it is done, as server-sent events. */
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { Problem } from '../../src/model/errors.ts'
import { scanPage } from '../../src/model/page-limits.ts'
import type { JournalEvent, SyncStore } from '../../storage/sync/contract.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { header } from '../http/router.ts'
import { streamLive } from '../http/stream.ts'
import { usualHeaders } from './answer.ts'
import { textOf } from './request.ts'
import { failures } from './schemas.ts'
import type { SyncServices } from './services.ts'

const pollMs = 250
/** A comment keeps proxies from ending a silent answer. */
const silenceMs = 20_000

export function eventRoutes(face: Face, { sync, stopping }: SyncServices): void {
  endpoint(
    face,
    {
      method: 'GET',
      path: '/api/v1.1/events',
      summary: 'What is done, as it is done; goes on behind `Last-Event-ID` or `since`',
      tag: 'sync management',
      needs: 'the token of the sync API',
      query: z.object({ since: z.string().optional() }),
      headers: { 'Last-Event-ID': 'The number of the last event that is known' },
      answers: { 200: 'Server-sent events', ...failures },
    },
    async (c) => {
      const place = header(c, 'last-event-id') ?? textOf(c, 'since')
      if (place !== undefined && !/^\d{1,15}$/.test(place)) throw new Problem('bad_request', 'since must be an integer')
      const since = place === undefined ? await sync.store.lastSeq() : Number(place)
      const left = new AbortController()
      const headers = { ...usualHeaders, 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
      const texts = follow(sync.store, since, AbortSignal.any([left.signal, stopping]))
      return streamLive(c, { head: ': begins\n\n', texts, tail: () => '', left: () => left.abort(), headers })
    },
  )
}

async function* follow(store: SyncStore, since: number, end: AbortSignal): AsyncGenerator<string> {
  let last = since
  let silentSince = performance.now()
  while (!end.aborted) {
    const events = await store.journal(last, scanPage)
    last = events.at(-1)?.seq ?? last
    if (events.length > 0 || performance.now() - silentSince > silenceMs) {
      silentSince = performance.now()
      yield events.length > 0 ? events.map(textOfEvent).join('') : ': still here\n\n'
    }
    if (events.length < scanPage) await pause(pollMs, undefined, { signal: end }).catch(() => {})
  }
}

function textOfEvent({ seq, atMs, op, ...event }: JournalEvent): string {
  return `id: ${seq}\nevent: ${op}\ndata: ${JSON.stringify({ ...event, time: atMs / 1_000 })}\n\n`
}
