/** What the two servers of a move say to each other. Only the status of their answers is trusted or shown. */
import type { Outgoing } from '../outgoing/outgoing.ts'
import { OutgoingError } from '../outgoing/outgoing-error.ts'

/** An instance on another server, and what lets us speak to it. */
export interface OtherInstance {
  /** Origin, such as `https://alice.example`. */
  readonly url: string
  readonly token: string
}

/**
 * `refused`: it answered, and will not. `done`: it is too late to give up, since the data has arrived there. `away`: nobody
 * knows whether it heard, so it may be asked again.
 */
export type Reply = 'ok' | 'refused' | 'done' | 'away'

export interface ArchiveOrder {
  /** The link that the owner of the archive would get by mail. */
  readonly link: string
  readonly vault: boolean
  /** Lets the target speak to the source. */
  readonly from: OtherInstance
}

export interface OtherServer {
  /** Asks the target to block the instance for everyone, for a while. */
  announce(target: OtherInstance, source: string): Promise<Reply>
  /** Tells the target where the archive is. */
  orderImport(target: OtherInstance, order: ArchiveOrder): Promise<Reply>
  /** Tells the source that everything has arrived. */
  finalize(source: OtherInstance): Promise<Reply>
  /** Tells either that nothing comes of it. */
  abort(other: OtherInstance): Promise<Reply>
}

const answerMs = 20_000
const maxBytes = 1024 ** 2

/** `subdomain`: how this server names the hosts of an instance's applications. */
export function newOtherServer(
  outgoing: Pick<Outgoing, 'fetch'>,
  { subdomain }: { readonly subdomain: 'flat' | 'nested' },
): OtherServer {
  async function post({ url, token }: OtherInstance, path: string, attributes?: object): Promise<Reply> {
    const media = 'application/vnd.api+json'
    try {
      const response = await outgoing.fetch(new URL(path, url), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...(attributes === undefined ? {} : { accept: media, 'content-type': media }),
        },
        ...(attributes === undefined ? {} : { body: JSON.stringify({ data: { attributes } }) }),
        answerMs,
        maxBytes,
      })
      await response.body?.cancel()
      return replyOf(response.status)
    } catch (error) {
      if (error instanceof OutgoingError) return 'away'
      throw error
    }
  }
  return {
    announce: (target, source) => post(target, `/move/importing?source=${encodeURIComponent(source)}`),
    orderImport: (target, { link, vault, from }) =>
      post(target, '/move/imports', { url: link, vault, move_from: from }),
    finalize: (source) => post(source, `/move/finalize?subdomain=${subdomain}`),
    abort: (other) => post(other, '/move/abort'),
  }
}

function replyOf(status: number): Reply {
  if (status >= 200 && status < 300) return 'ok'
  if (status === 409) return 'done'
  return status >= 500 || status === 429 ? 'away' : 'refused'
}

/** Milliseconds between tries to reach a server that does not answer: four minutes in all. */
const delaysMs = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 60_000, 60_000]

/** Asks again while the other server is away, until `endMs` (Unix time) at the latest. @throws what aborts the signal */
export async function persistently(
  ask: () => Promise<Reply>,
  { signal, endMs = Number.POSITIVE_INFINITY }: { readonly signal: AbortSignal; readonly endMs?: number },
): Promise<Reply> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted()
    const reply = await ask()
    const delayMs = delaysMs[attempt]
    if (reply !== 'away' || delayMs === undefined || Date.now() + delayMs >= endMs) return reply
    await pause(delayMs, signal)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((done) => {
    const timer = setTimeout(end, ms)
    function end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      done()
    }
    signal.addEventListener('abort', end, { once: true })
  })
  signal.throwIfAborted()
}
