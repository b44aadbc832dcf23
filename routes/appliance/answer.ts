/** The answers that the routes have in common. */

import type { HttpContext } from '../http/router.ts'
import { streamBytes } from '../http/stream.ts'
import { statusText } from './errors.ts'

const json = { 'content-type': 'application/json' }

/** A JSON body, written as it is. */
export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return jsonTextAnswer(status, JSON.stringify(body), headers)
}

/** JSON text. */
export function jsonTextAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, {
    status,
    headers: { ...json, 'content-length': `${Buffer.byteLength(text)}`, ...headers },
  })
}

/** `{"Status":"200 OK"}`. */
export function done(): Response {
  return jsonAnswer(200, { Status: statusText(200) })
}

/** Something begins in the background; `location` is where its state can be read, if anywhere. */
export function accepted(location?: string): Response {
  const Status = statusText(202)
  return location === undefined
    ? jsonAnswer(202, { Status })
    : jsonAnswer(202, { Status, Location: location }, { location })
}

/** Plain text, as it is kept. */
export function plainAnswer(text: Uint8Array | string): Response {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': `${bytes.length}` }
  return new Response(bytes as Uint8Array<ArrayBuffer>, { headers })
}

export interface Download {
  readonly name: string
  readonly size: number
  readonly bytes: AsyncIterator<Uint8Array>
  readonly failed: (error: unknown) => void
}

/** A file to keep. Clients of the appliance's API read `Filename`, browsers `Content-Disposition`. */
export function downloadAnswer(c: HttpContext, { name, size, bytes, failed }: Download): Promise<Response> {
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': `${size}`,
    'content-disposition': `attachment; filename="${name}"`,
    filename: name,
  }
  return streamBytes(c, { status: 200, headers, bytes, failed })
}
