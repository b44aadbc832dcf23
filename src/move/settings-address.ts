/** Where the page is that shows an export: on a host of its own, as in cozy-stack. */
import { isIP } from 'node:net'
import { withoutPort } from '../instances/domain.ts'

/** The path of the same page on the instance's own host. */
export const dataPath = '/move/data'

/** The link to the page that shows an export. An address has no hosts below it: there the instance's own host has the page. */
export function exportLink(origin: { readonly domain: string; readonly secure: boolean }, identifier: string): string {
  const { domain, secure } = origin
  const scheme = secure ? 'https' : 'http'
  const isAddress = domain.startsWith('[') || isIP(withoutPort(domain)) !== 0
  const page = isAddress ? `${domain}${dataPath}` : `settings.${domain}/`
  return `${scheme}://${page}#/exports/${identifier}`
}

/** The instance's host, when this is the host of its settings: `settings.DOMAIN` or `LABEL-settings.REST`. */
export function instanceHostOf(host: string): string | undefined {
  const [first = '', ...rest] = host.toLowerCase().split('.')
  if (rest.length === 0) return undefined
  if (first === 'settings') return rest.join('.')
  const label = /^(.+)-settings$/.exec(first)?.[1]
  return label === undefined ? undefined : [label, ...rest].join('.')
}
