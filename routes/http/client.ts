/** The client: its address, and whether it came over TLS. */
import type { BlockList } from 'node:net'
import { type HttpContext, header } from './router.ts'

export interface ClientView {
  /** Without port. Of the socket, or what a trusted proxy says. */
  readonly address: string
  /** Over https, as the client sees it. */
  readonly isSecure: boolean
}

export type ClientOf = (c: HttpContext) => ClientView

/**
 * Makes the function that reads a request. `X-Forwarded-For` and `X-Forwarded-Proto` count only when the socket is a
 * trusted proxy's; of several addresses the last one that is not a trusted proxy's counts, since clients may have sent the
 * ones before.
 */
export function newClientOf(trusted: BlockList): ClientOf {
  const isTrusted = (address: string) => trusted.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
  return (c) => {
    const socket = c.env?.incoming?.socket as { remoteAddress?: string; encrypted?: boolean } | undefined
    const peer = plain(socket?.remoteAddress ?? '')
    const encrypted = socket?.encrypted === true
    if (peer === '' || !isTrusted(peer)) return { address: peer, isSecure: encrypted }
    const hops = (header(c, 'x-forwarded-for') ?? '').split(',').map((hop) => plain(hop.trim()))
    const address = hops.filter((hop) => hop !== '').findLast((hop) => !isTrusted(hop)) ?? peer
    const proto = (header(c, 'x-forwarded-proto') ?? '').split(',').at(-1)?.trim().toLowerCase()
    return { address, isSecure: proto === undefined || proto === '' ? encrypted : proto === 'https' }
  }
}

/** IPv4 inside IPv6 as IPv4, so that one client has one address. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
