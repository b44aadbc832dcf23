/**
 * The only way to call servers that others have named: a user, a document, another server's answer. What the operator
 * configured (database, object store, mail server) does not come through here.
 */
import { exchange, limitBody } from './exchange.ts'
import { OutgoingError } from './outgoing-error.ts'
import { isStream, type OutgoingRequest, streamOf } from './request.ts'
import { type Lookup, permittedAddresses, systemLookup } from './resolve.ts'

export interface Outgoing {
  /**
   * Sends a request and resolves to the answer, whatever its status, with a body that is read from the other server only as
   * fast as it is taken here; cancelling it closes the connection. Follows at most three redirects; credentials stay
   * with the first host. Throws OutgoingError, also while the body is read.
   */
  fetch(url: string | URL, request?: OutgoingRequest): Promise<Response>
  /** Addresses to connect to for a client that does not speak HTTP, never empty. Throws OutgoingError. */
  addressesOf(host: string): Promise<readonly string[]>
}

export interface OutgoingOptions {
  /** Also addresses of this machine and of private networks. */
  readonly allowPrivate: boolean
  /** Whether this server itself serves the host (with its port, as in a `Host` header). */
  readonly isOwn?: (host: string) => Promise<boolean>
  /** Answers requests to own hosts inside the process. */
  readonly serve?: (request: Request) => Response | Promise<Response>
  readonly lookup?: Lookup
  /** PEM certificates to trust instead of the usual authorities. */
  readonly ca?: string
}

const maxRedirects = 3
const defaults = { answerMs: 30_000, idleMs: 60_000, maxBytes: 16 * 1024 ** 2 }

/** Headers that are for the host to which they were first sent. */
const credentials: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** Opens the client. It holds nothing that needs closing. */
export function openOutgoing(options: OutgoingOptions): Outgoing {
  const { allowPrivate, lookup = systemLookup, isOwn, serve } = options
  const addressesOf = (host: string) => permittedAddresses(host, { allowPrivate, lookup })

  async function send(url: URL, request: OutgoingRequest): Promise<Response> {
    const limits = { ...defaults, ...request }
    if (serve && (await isOwn?.(url.host))) return limitBody(await serveInside(serve, url, request), limits)
    const addresses = await addressesOf(url.hostname)
    return exchange(url, addresses, { ...limits, ca: options.ca })
  }

  return {
    addressesOf,
    async fetch(address, request = {}) {
      let url = parseUrl(address)
      let current = request
      for (let hop = 0; ; hop++) {
        if (request.signal?.aborted === true) {
          throw new OutgoingError('aborted', 'The request was aborted.', { cause: request.signal.reason })
        }
        const response = await send(url, current)
        const next = request.redirect === 'return' ? undefined : redirectOf(response, url, current)
        if (next === undefined) return response
        await response.body?.cancel()
        if (hop === maxRedirects) throw new OutgoingError('too_many_redirects', `${url.host} redirects too often.`)
        ;({ url, request: current } = next)
      }
    },
  }
}

/** The next request that a redirect asks for (RFC 9110, 15.4); `undefined` when it cannot be followed. */
function redirectOf(
  response: Response,
  from: URL,
  request: OutgoingRequest,
): { readonly url: URL; readonly request: OutgoingRequest } | undefined {
  const { status } = response
  const location = response.headers.get('location')
  if (![301, 302, 303, 307, 308].includes(status) || location === null) return undefined
  const url = parseUrl(location, from)
  const { method = 'GET', body, ...rest } = request
  const becomesGet = status === 303 ? method !== 'HEAD' : status <= 302 && method === 'POST'
  if (!becomesGet && body !== undefined && isStream(body)) return undefined
  const elsewhere = url.origin !== from.origin
  const headers = Object.entries(rest.headers ?? {}).filter(
    ([name]) => !(elsewhere && credentials.has(name)) && !(becomesGet && name.startsWith('content-')),
  )
  const next = { ...rest, headers: Object.fromEntries(headers) }
  if (becomesGet) return { url, request: { ...next, method: 'GET' } }
  return { url, request: body === undefined ? { ...next, method } : { ...next, method, body } }
}

function parseUrl(address: string | URL, base?: URL): URL {
  if (!URL.canParse(String(address), base)) throw new OutgoingError('bad_url', 'This is not a URL.')
  const url = new URL(address, base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutgoingError('bad_url', 'The URL must begin with http:// or https://.')
  }
  if (url.username !== '' || url.password !== '')
    throw new OutgoingError('bad_url', 'The URL must not hold a password.')
  return url
}

async function serveInside(
  serve: NonNullable<OutgoingOptions['serve']>,
  url: URL,
  { method = 'GET', headers = {}, body, signal }: OutgoingRequest,
): Promise<Response> {
  const init: RequestInit = { method, headers: { ...headers, host: url.host } }
  if (signal) init.signal = signal
  if (body !== undefined) init.body = isStream(body) ? streamOf(body[Symbol.asyncIterator]()) : (body as BodyInit)
  return serve(new Request(url, { ...init, ...(isStream(body) ? { duplex: 'half' } : {}) }))
}
