/** Addresses and networks of trusted proxies. */
import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import { structure } from './structured.ts'
import { allowedText } from './values.ts'

const network = z
  .string()
  .refine((text) => networkOf(text) !== undefined)
  .register(allowedText, { allowed: 'an IP address or a network such as 10.0.0.0/8' })

export const TrustedProxies = structure('a list of IP addresses and networks such as 10.0.0.0/8', z.array(network))

/** The addresses that the setting names. */
export function proxyAddresses(trusted: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of trusted) {
    const found = networkOf(text)
    if (found) list.addSubnet(found.address, found.bits, found.family)
  }
  return list
}

function networkOf(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', length, more] = text.split('/')
  const version = isIP(address)
  const all = version === 4 ? 32 : 128
  const bits = length === undefined ? all : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
  if (version === 0 || more !== undefined || !(bits <= all)) return undefined
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}
