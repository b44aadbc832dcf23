/** The body of a request that is stored as it arrives. */
import { Problem } from '../../src/model/errors.ts'
import type { ReceivedObject } from '../../storage/objects/contract.ts'
import { incomingBytes } from '../http/incoming.ts'
import { type HttpContext, header } from '../http/router.ts'

export interface ObjectBytes {
  /** As announced; `undefined` when the client does not know it. */
  readonly size: number | undefined
  /** Read only as fast as it is asked for; a 400 when the client goes away. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** Throws a 400 when fewer bytes came than were announced. */
  readonly accept: (received: ReceivedObject) => void
}

export function objectBytes(c: HttpContext): ObjectBytes {
  const announced = header(c, 'content-length')
  const size = announced === undefined ? undefined : Number(announced)
  return {
    size,
    bytes: incomingBytes(c),
    accept(received) {
      const isCut = c.env?.incoming?.complete === false
      if (isCut || (size !== undefined && received.size !== size)) {
        throw new Problem('bad_request', 'The request body was cut short.')
      }
    },
  }
}
