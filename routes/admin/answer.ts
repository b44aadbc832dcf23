/** How the admin API answers: JSON-API documents, compressed when the client can read that. */
import { gzipSync } from 'node:zlib'
import type { Instance } from '../../src/instances/service.ts'
import { stringifyJson } from '../../src/model/json/exact.ts'
import { type HttpContext, header } from '../http/router.ts'

/** Answers may contain secrets: no cache may keep them. */
const uncached = { 'cache-control': 'no-store' } as const

/** Sends a JSON-API document. */
export function jsonApi(
  c: HttpContext,
  status: number,
  document: unknown,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers: Record<string, string> = {
    ...uncached,
    ...more,
    'content-type': 'application/vnd.api+json',
    vary: 'Accept-Encoding',
  }
  const text = stringifyJson(document)
  const compressed = acceptsGzip(header(c, 'accept-encoding'))
  if (compressed) headers['content-encoding'] = 'gzip'
  if (c.req.method === 'HEAD') return new Response(null, { status, headers })
  return new Response(compressed ? gzipSync(text) : text, { status, headers })
}

/** Sends plain JSON. */
export function json(status: number, value: unknown): Response {
  const headers = { ...uncached, 'content-type': 'application/json' }
  return new Response(stringifyJson(value), { status, headers })
}

/** Done, and nothing to say. */
export function noContent(headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(null, { status: 204, headers: { ...uncached, ...headers } })
}

/** Sends plain text. */
export function text(status: number, value: string): Response {
  const headers = { ...uncached, 'content-type': 'text/plain; charset=utf-8' }
  return new Response(value, { status, headers })
}

const secrets: ReadonlySet<string> = new Set(['cli_secret', 'oauth_secret', 'session_secret', 'passphrase_hash'])

/** An instance as anyone with the passphrase may see it. */
export function instanceObject(instance: Instance): object {
  const shown = Object.entries(instance.document).filter(([name]) => !secrets.has(name))
  return object(instance, {
    ...Object.fromEntries(shown),
    password_defined: instance.document['password_defined'] ?? null,
  })
}

/** The same with its secrets: the answer to a change, as documented. Never log it. */
export function instanceWithSecrets(instance: Instance): object {
  return object(instance, instance.document)
}

function object({ id, rev }: Instance, attributes: object): object {
  return { type: 'instances', id, attributes, meta: { rev }, links: { self: `/instances/${id}` } }
}

function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return (acceptEncoding ?? '').split(',').some((coding) => {
    const [name = '', quality = ''] = coding.split(';')
    return name.trim().toLowerCase() === 'gzip' && !/^\s*q=0(\.0*)?\s*$/.test(quality)
  })
}
