/** Which addresses belong to the public internet. */
import { BlockList, isIP, isIPv4 } from 'node:net'

/**
 * What the IANA registries of special-purpose addresses (RFC 6890) do not call globally reachable, and what represents
 * another network's addresses (6to4, Teredo).
 */
const special = newBlockList(
  [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '240.0.0.0/4',
  ],
  ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
)

/** All IPv6 addresses that are assigned to the public internet today. */
const globalUnicast = newBlockList([], ['2000::/3'])

/** RFC 6052: the last 32 bits are an address of IPv4 that a gateway translates to. */
const translated = newBlockList([], ['64:ff9b::/96'])

/**
 * Whether this address belongs to the public internet. False for what is not an address, for loopback, private,
 * link-local, shared (RFC 6598), multicast and reserved ones, and for mapped ones (`::ffff:a.b.c.d`).
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address)
  if (isIP(address) !== 6 || address.includes('%')) return false
  if (translated.check(address, 'ipv6')) return isPublicAddress(lastFourBytes(address))
  return globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6')
}

function lastFourBytes(address: string): string {
  // The URL parser writes every form of an address in one way, in hexadecimal.
  const groups = new URL(`http://[${address}]/`).hostname.slice(1, -1).split(':')
  const [high = 0, low = 0] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function newBlockList(ipv4: readonly string[], ipv6: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of ipv4) add(list, network, 'ipv4')
  for (const network of ipv6) add(list, network, 'ipv6')
  return list
}

function add(list: BlockList, network: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', bits] = network.split('/')
  list.addSubnet(address, Number(bits), family)
}
