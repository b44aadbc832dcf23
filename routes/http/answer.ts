/** How answers are sent. Documents travel as ready-made JSON text: nothing is parsed and printed again on the way. */
import { compressText } from './compress.ts'
import type { HttpContext } from './router.ts'

const json = { 'content-type': 'application/json', 'cache-control': 'must-revalidate' } as const

/** Sends JSON text. Header names in lower case. */
export function jsonText(
  c: HttpContext,
  status: number,
  text: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  const compressed = compressText(c, text)
  if (compressed !== undefined && c.req.raw.method !== 'HEAD') {
    return new Response(compressed.body, { status, headers: { ...json, ...compressed.headers, ...headers } })
  }
  // Named here because the server adapter leaves the count to node:http, and Bun's then sends chunks.
  const length = `${Buffer.byteLength(text)}`
  return new Response(c.req.raw.method === 'HEAD' ? null : text, {
    status,
    headers: { ...json, 'content-length': length, ...headers },
  })
}

/** Sends a plain value that holds no integer beyond a double (errors, outcomes, envelopes). */
export function jsonValue(
  c: HttpContext,
  status: number,
  value: unknown,
  headers?: Readonly<Record<string, string>>,
): Response {
  return jsonText(c, status, JSON.stringify(value), headers)
}

/** 304 of a conditional read: no body. */
export function notModified(headers: Readonly<Record<string, string>>): Response {
  return new Response(null, { status: 304, headers: { 'cache-control': 'must-revalidate', ...headers } })
}

/** The ETag of a revision. Replicated ones may hold any characters; header values may not. */
export function revisionTag(rev: string): string {
  return `"${encodeURIComponent(rev)}"`
}
