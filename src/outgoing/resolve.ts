/** Turns the host of a request into the addresses that it may go to. */
import { lookup } from 'node:dns/promises'
import { isPublicAddress } from './addresses.ts'
import { OutgoingError } from './outgoing-error.ts'

/** All addresses of a name, or of an address itself. Rejects when there are none. */
export type Lookup = (host: string) => Promise<readonly string[]>

/** The answer of the system: its resolver and its hosts file. */
export const systemLookup: Lookup = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address)

/**
 * The addresses of a host that may be called, in the order in which to try them: never empty. Whoever connects must use
 * these and not ask for the name again, which may be answered differently a moment later. Throws OutgoingError.
 */
export async function permittedAddresses(
  host: string,
  { allowPrivate, lookup }: { readonly allowPrivate: boolean; readonly lookup: Lookup },
): Promise<readonly string[]> {
  const addresses = await lookup(canonicalHost(host)).catch((cause: unknown) => {
    throw new OutgoingError('unreachable', `The host ${host} cannot be found.`, { cause })
  })
  if (addresses.length === 0) throw new OutgoingError('unreachable', `The host ${host} cannot be found.`)
  const permitted = allowPrivate ? addresses : addresses.filter(isPublicAddress)
  if (permitted.length === 0) {
    throw new OutgoingError('forbidden_address', `The host ${host} is not on the public internet.`)
  }
  return permitted
}

/** Numbers in any base, short forms and international names in the one form that the URL parser gives them. */
function canonicalHost(host: string): string {
  const authority = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const url = URL.canParse(`http://${authority}/`) ? new URL(`http://${authority}/`) : undefined
  if (url === undefined || url.hostname === '' || url.pathname !== '/' || url.username !== '' || url.port !== '') {
    throw new OutgoingError('bad_url', 'The host is not a name or an address.')
  }
  return url.hostname.replace(/^\[|\]$/g, '')
}
