/** The bytes of an upload as they arrive. */
import type { IncomingMessage } from 'node:http'
import type { Bytes } from '../../src/files/service.ts'
import { Problem } from '../../src/model/errors.ts'
import { freeMemory } from '../../src/platform/free-memory.ts'
import type { HttpContext } from './router.ts'

/**
 * The request's body, taken from the socket only as fast as it is asked for. Throws `bad_request` when the client goes
 * away before its end. If the reader stops early, the answer is sent at once: the server adapter reads and discards a bounded part of
 * what is still under way and then cuts the connection, so that clients see the answer and not a reset.
 */
export async function* incomingBytes(c: HttpContext): Bytes {
  const incoming = c.env?.incoming
  const source = incoming === undefined ? (c.req.raw.body ?? []) : chunksOf(incoming)
  try {
    for await (const chunk of source) {
      yield chunk
      // Whoever asks for the next one has finished with this one.
      freeMemory(chunk)
    }
  } catch (cause) {
    throw new Problem('bad_request', 'The request body was cut short.', { cause })
  }
}

/** The same for readers that keep what they have read. */
export async function* incomingChunks(c: HttpContext): Bytes {
  const incoming = c.env?.incoming
  try {
    yield* incoming === undefined ? (c.req.raw.body ?? []) : chunksOf(incoming)
  } catch (cause) {
    throw new Problem('bad_request', 'The request body was cut short.', { cause })
  }
  if (incoming?.complete === false) throw new Problem('bad_request', 'The request body was cut short.')
}

/** Not destroyed when the reader stops: the answer goes out over the same socket. */
function chunksOf(incoming: IncomingMessage): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => incoming.iterator({ destroyOnReturn: false }) }
}
