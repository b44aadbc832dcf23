/** Network settings as files of systemd-networkd, hostname and time synchronisation. */
import { isIPv6 } from 'node:net'
import type { Fields } from './fields.ts'
import { networkMode, prefixLength } from './network-settings.ts'

/** Files below the root of the file system, with their contents. Everything in them has passed the check of characters. */
export function networkdFiles(network: Fields): Readonly<Record<string, string>> {
  const { ip_address, netmask, gateway, dns1, dns2, hostname, ntpserver } = network
  const lines = ['[Match]', `Name=${network['interface']}`, '', '[Network]']
  if (networkMode(network) === 'static') {
    const prefix = prefixLength(netmask ?? '', ip_address) ?? (isIPv6(ip_address ?? '') ? 64 : 24)
    lines.push(`Address=${ip_address}/${prefix}`, `Gateway=${gateway}`)
  } else lines.push('DHCP=yes')
  for (const server of [dns1, dns2]) if (server !== undefined) lines.push(`DNS=${server}`)
  if (ntpserver !== undefined) lines.push(`NTP=${ntpserver}`)
  return {
    'etc/systemd/network/10-hearth.network': `# Written by Hearth when its network settings change.\n${lines.join('\n')}\n`,
    'etc/hostname': `${hostname}\n`,
    ...(ntpserver !== undefined && { 'etc/systemd/timesyncd.conf.d/hearth.conf': `[Time]\nNTP=${ntpserver}\n` }),
  }
}
