/** Domains of instances: one spelling for each, and characters that none may contain. */
import { createHash } from 'node:crypto'
import { domainToUnicode } from 'node:url'
import { illegalDomain } from './problems.ts'

/** Control characters are refused besides the listed ones, since they would travel into links and logs. */
const illegal = /[\s/,;&?#@|='"\u0000-\u001f\u007f]/
const maxLength = 253

export interface DomainRules {
  /** Applications live at `<instance>-<app>`: the first label of a domain may then hold no `-`. */
  readonly flatSubdomains: boolean
}

/**
 * The one spelling of a domain: Unicode instead of punycode, trimmed, lower case. A port is part of the domain.
 * @throws Problem `invalid_parameter` when it is empty, too long, starts with a dot or holds a forbidden character.
 */
export function normaliseDomain(domain: string, rules: DomainRules = { flatSubdomains: false }): string {
  const spelled = spelling(domain)
  if (spelled === undefined) throw illegalDomain()
  const firstLabel = spelled.split('.', 1)[0] ?? ''
  if (rules.flatSubdomains && firstLabel.includes('-')) throw illegalDomain()
  return spelled
}

/** The same for a `Host` header; `undefined` where no instance can have that name. */
export function spelling(domain: string): string | undefined {
  const spelled = toUnicode(domain.trim().toLowerCase())?.normalize('NFC')
  if (spelled === undefined || spelled === '' || spelled.length > maxLength) return undefined
  return spelled.startsWith('.') || illegal.test(spelled) ? undefined : spelled
}

/** Names by which to look up a host, best first: itself, then without the default port of its scheme. */
export function hostNames(host: string): readonly string[] {
  const exact = spelling(host)
  if (exact === undefined) return []
  const bare = exact.replace(/:(?:80|443)$/, '')
  return bare === exact ? [exact] : [exact, bare]
}

/** A domain without its port. */
export function withoutPort(domain: string): string {
  return domain.replace(/:\d*$/, '')
}

/** The namespace of a domain's databases: `cozy` and the first 16 bytes of a SHA-256 in hex. */
export function prefixOf(name: string): string {
  return `cozy${createHash('sha256').update(name).digest('hex').slice(0, 32)}`
}

/** Decodes `xn--` labels; `undefined` when one of them is not punycode. Runtimes report that differently. */
function toUnicode(domain: string): string | undefined {
  if (!/(?:^|\.)xn--/.test(domain)) return domain
  const [host = '', ...port] = domain.split(':')
  const decoded = domainToUnicode(host)
  if (decoded === '' || /\ufffd|(?:^|\.)xn--?/.test(decoded)) return undefined
  return [decoded, ...port].join(':')
}
