/** Settings of the network and of the application: their check, and the file that boot scripts read. */
import { isIP, isIPv6 } from 'node:net'
import { Problem } from '../model/errors.ts'
import { checkFields, type Fields, field } from './fields.ts'
import { isObject, type JsonObject } from './json-upload.ts'

export interface NetworkSettings {
  readonly network: Fields
  readonly app: JsonObject
}

const maxAppBytes = 65_536

const rules = {
  interface: field('alphanumeric', 3, 14, true),
  hostname: field('host', 3, 255, true),
  ip_address: field('address', 3, 45),
  netmask: field('netmask', 2, 45),
  gateway: field('address', 3, 45),
  dns1: field('address', 3, 45),
  dns2: field('address', 3, 45),
  ntpserver: field('hostAndPort', 3, 255),
}

/** Checks uploaded settings. Throws `bad_request`. `dropped` gets the names of unknown fields. */
export function checkNetworkSettings(body: JsonObject, dropped: string[]): NetworkSettings {
  const { network, app = {} } = body
  if (!isObject(network)) throw new Problem('bad_request', 'Missing option: network')
  if (!isObject(app)) throw new Problem('bad_request', 'Invalid option: app. Allowed: a JSON object')
  if (JSON.stringify(app).length > maxAppBytes) throw new Problem('bad_request', 'Invalid option: app. It is too large')
  return { network: checkFields(network, rules, dropped), app }
}

/** Static when address, netmask and gateway are all there. */
export function networkMode(network: Fields): 'static' | 'dhcp' {
  const { ip_address, netmask, gateway } = network
  return ip_address !== undefined && netmask !== undefined && gateway !== undefined ? 'static' : 'dhcp'
}

/** What passes the check of characters and still makes no sense, in words. */
export function doubtsAbout(network: Fields): string[] {
  const doubts: string[] = []
  for (const name of ['ip_address', 'gateway', 'dns1', 'dns2']) {
    const value = network[name]
    if (value !== undefined && isIP(value) === 0) doubts.push(`${name} ${value} is not an IP address`)
  }
  const { netmask, ip_address, gateway } = network
  if (netmask !== undefined && prefixLength(netmask, ip_address) === undefined) {
    doubts.push(`netmask ${netmask} is neither a mask such as 255.255.255.0 nor a prefix such as /24`)
  }
  if (networkMode(network) === 'static' && ip_address !== undefined && gateway !== undefined) {
    if (isIP(ip_address) !== 0 && isIP(gateway) !== 0 && isIP(ip_address) !== isIP(gateway))
      doubts.push('ip_address and gateway are of different families')
  }
  return doubts
}

/** The number of leading ones: of `255.255.255.0`, `/24`, `24` or `/64`. */
export function prefixLength(netmask: string, address: string | undefined): number | undefined {
  const [, digits] = /^\/?(\d{1,3})$/.exec(netmask) ?? []
  if (digits !== undefined) {
    const most = address !== undefined && isIPv6(address) ? 128 : 32
    return Number(digits) <= most ? Number(digits) : undefined
  }
  if (isIP(netmask) !== 4) return undefined
  const bits = netmask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('')
  return /^1*0*$/.test(bits) ? (bits.indexOf('0') === -1 ? 32 : bits.indexOf('0')) : undefined
}

/** The settings as `key='value'` lines. */
export function networkConf(network: Fields): string {
  const mode = networkMode(network)
  const { ip_address, netmask, gateway, dns1, dns2, hostname, ntpserver } = network
  const lines: Record<string, string | undefined> = { mode, interface: network['interface'] }
  if (mode === 'static') {
    lines['ip'] = ip_address
    lines[ip_address !== undefined && isIPv6(ip_address) ? 'subnet_ipv6' : 'subnet'] = netmask
    lines['router'] = gateway
  }
  const dns = [dns1, dns2].filter((server) => server !== undefined).join(' ')
  if (dns !== '') lines['dns'] = dns
  return shellLines({ ...lines, hostname, ntpserver })
}

/** Lines that a shell reads as exactly these values, whatever they hold. */
export function shellLines(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}='${String(value).replaceAll("'", `'\\''`)}'\n`)
    .join('')
}
