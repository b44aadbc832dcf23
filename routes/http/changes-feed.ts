/** Sends a feed as CouchDB does: a JSON body with one row a line, a line for each row, or server-sent events. */
import type { ChangesEvent, Documents } from '../../src/documents/service.ts'
import type { DatabaseRef } from '../../storage/documents/contract.ts'
import { filling } from './attachment.ts'
import type { ChangesFormat, ChangesRequest } from './changes-request.ts'
import type { HttpContext } from './router.ts'
import { streamJson, streamLive } from './stream.ts'

/** Answers a request for changes. */
export async function sendChanges(
  c: HttpContext,
  documents: Pick<Documents, 'changes' | 'withContents'>,
  ref: DatabaseRef,
  { query, format }: ChangesRequest,
): Promise<Response> {
  const leaving = new AbortController()
  // Nothing is read for a client that has left during the wait for the first page.
  c.env?.outgoing?.once('close', () => leaving.abort())
  const events = await documents.changes(ref, query, leaving.signal)
  const { head, texts: printed, tail } = printers[format](events)
  const texts = filling(documents, ref, query.attachments)?.(printed) ?? printed
  // An immediate answer may be compressed and have a length; a feed that waits must be streamed.
  if (query.feed === 'normal') return streamJson(c, head, texts, tail)
  const headers: Record<string, string> = {
    // Proxies that buffer answers would hold back what the client waits for.
    'x-accel-buffering': 'no',
    ...(format === 'events' ? { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' } : {}),
  }
  return streamLive(c, { head, texts, tail, left: () => leaving.abort(), headers })
}

interface Printed {
  readonly head: string
  readonly texts: AsyncIterable<string>
  /** To be asked for when the texts have ended. */
  readonly tail: () => string
}

type Printer = (events: AsyncIterable<ChangesEvent>) => Printed

const printers: Readonly<Record<ChangesFormat, Printer>> = { body: printBody, lines: printLines, events: printEvents }

function printBody(events: AsyncIterable<ChangesEvent>): Printed {
  let tail = ''
  async function* texts() {
    let separator = ''
    for await (const event of events) {
      if (event.kind === 'rows') {
        yield separator + event.rows.map(({ text }) => text).join(',\n')
        separator = ',\n'
      } else if (event.kind === 'heartbeat') yield '\n'
      else tail = `\n],\n${ending(event)}`
    }
  }
  return { head: '{"results":[\n', texts: texts(), tail: () => `${tail}}\n` }
}

function printLines(events: AsyncIterable<ChangesEvent>): Printed {
  let tail = ''
  async function* texts() {
    for await (const event of events) {
      if (event.kind === 'rows') yield event.rows.map(({ text }) => `${text}\n`).join('')
      else if (event.kind === 'heartbeat') yield '\n'
      else tail = `{${ending(event)}}\n`
    }
  }
  return { head: '', texts: texts(), tail: () => tail }
}

/** Rows and heartbeats only: an event source reconnects automatically with the id of the last row. */
function printEvents(events: AsyncIterable<ChangesEvent>): Printed {
  async function* texts() {
    for await (const event of events) {
      if (event.kind === 'rows') {
        yield event.rows.map(({ seq, text }) => `data: ${text}\nid: ${JSON.stringify(seq)}\n\n`).join('')
      } else if (event.kind === 'heartbeat') yield 'event: heartbeat\ndata: \n\n'
    }
  }
  return { head: '', texts: texts(), tail: () => '' }
}

function ending({ lastSeq, pending }: { readonly lastSeq: string; readonly pending: number }): string {
  return `"last_seq":${JSON.stringify(lastSeq)},"pending":${pending}`
}
