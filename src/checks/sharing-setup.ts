/** What a sharing's own document must hold: rules, members, triggers, credentials. */

import { rootId, trashId } from '../files/node.ts'
import { isDoctypeName, isReadable } from '../model/doctypes.ts'
import type { CheckFinding } from './finding.ts'
import { domainIn, filesRule, parentDomain, type Sharing, type SharingRule } from './sharing.ts'

/** What the server is asked while a sharing is checked. */
export interface SharingSurroundings {
  readonly domain: string
  /** Whether this server has an instance of that domain. */
  hasInstance(domain: string): Promise<boolean>
  hasTrigger(id: string): boolean
}

/** Directories that are not shared: everything, what was thrown away, what others share. */
const neverShared: readonly string[] = [rootId, trashId, 'io.cozy.files.shared-with-me-dir']
const verbs: ReadonlySet<string> = new Set(['', 'none', 'push', 'sync'])

/** Whether the rules can be followed at all; nothing else is looked at when they cannot. */
export function checkRules({ id, rules }: Sharing): CheckFinding[] {
  if (rules.length === 0) return [{ type: 'invalid_rules', id, error: 'A sharing must have rules' }]
  return rules.every(isRule) ? [] : [{ type: 'invalid_rules', id, error: 'A rule is invalid' }]
}

function isRule({ title, doctype, selector, values, add, update, remove }: SharingRule): boolean {
  if (title === '' || values.length === 0 || !isDoctypeName(doctype) || !isReadable(doctype)) return false
  if (doctype.startsWith('io.cozy.sharings') || doctype === 'io.cozy.permissions') return false
  if (!verbs.has(add) || !verbs.has(update) || !(verbs.has(remove) || remove === 'revoke')) return false
  if (doctype !== 'io.cozy.files') return true
  if (selector === 'referenced_by') return values.every((value) => /^[^/]+\/.+$/.test(value))
  if (selector !== '' && selector !== 'id' && selector !== '_id') return true
  return values.length === 1 && !neverShared.includes(values[0] ?? '')
}

export async function checkMembers(sharing: Sharing, around: SharingSurroundings): Promise<CheckFinding[]> {
  const { id, members, credentials, drive, owner } = sharing
  if (members.length < 2 && !drive) return [{ type: 'not_enough_members', id, nb_members: members.length }]
  const found: CheckFinding[] = []
  const ownerDomain = domainIn(members[0]?.instance ?? '') ?? around.domain
  for (const [index, { status, instance, onlyInGroups }] of members.entries()) {
    const isFirst = index === 0
    if (isFirst ? status !== 'owner' : status === 'owner') {
      found.push({ type: 'invalid_member_status', id, member: index, status })
    }
    if (status === 'mail-not-sent' && !onlyInGroups) found.push({ type: 'mail_not_sent', id, member: instance })
    if (status !== 'ready' || isFirst) continue
    const domain = domainIn(instance)
    if (instance === '') {
      if (owner && credentials[index - 1] !== undefined) {
        found.push({ type: 'missing_instance_for_member', id, member: index })
      }
    } else if (domain === undefined) {
      found.push({ type: 'invalid_instance_for_member', id, member: instance })
    } else if (parentDomain(domain) === parentDomain(ownerDomain) && !(await around.hasInstance(domain))) {
      found.push({ type: 'missing_instance_for_member', id, member: domain })
    }
  }
  return found
}

export function checkSharingTriggers(sharing: Sharing, { hasTrigger, domain }: SharingSurroundings): CheckFinding[] {
  const { id, active, members, owner, drive, trackIds, replicateId, uploadId } = sharing
  if (drive) return []
  const recorded: readonly (readonly [kind: string, ids: readonly string[]])[] = [
    ['track', trackIds],
    ['replicate', replicateId === '' ? [] : [replicateId]],
    ['upload', uploadId === '' ? [] : [uploadId]],
  ]
  if (!active || !members.some(({ status }, index) => index > 0 && status === 'ready')) {
    return recorded.flatMap(([trigger, ids]) =>
      ids.map((trigger_id) => ({ type: 'trigger_on_inactive_sharing', id, trigger, trigger_id })),
    )
  }
  const self = members.find(({ instance }) => domainIn(instance) === domain)
  const sends = owner || self?.readOnly !== true
  const needed: Readonly<Record<string, boolean>> = {
    track: true,
    replicate: sends,
    upload: sends && filesRule(sharing) !== undefined,
  }
  return recorded.flatMap(([trigger, ids]): CheckFinding[] => {
    const type = 'missing_trigger_on_active_sharing'
    if (ids.length === 0) return needed[trigger] ? [{ type, id, trigger }] : []
    return ids.filter((one) => !hasTrigger(one)).map((trigger_id) => ({ type, id, trigger, trigger_id }))
  })
}

export function checkCredentials({ id, owner, active, members, credentials }: Sharing): CheckFinding[] {
  const count = { type: 'invalid_number_of_credentials', id, owner, nb_members: credentials.length }
  if (owner) {
    if (!active) return []
    if (credentials.length + 1 !== members.length) return [count]
    return credentials.flatMap(({ hasClient, hasAccessToken }, index): CheckFinding[] => {
      const member = index + 1
      if (members[member]?.status !== 'ready') return []
      return [
        ...(hasClient ? [] : [{ type: 'missing_oauth_client', id, owner, member }]),
        ...(hasAccessToken ? [] : [{ type: 'missing_access_token', id, owner, member }]),
      ]
    })
  }
  const [only, ...more] = credentials
  if (only === undefined || more.length > 0) return [count]
  if (!active) return []
  return [
    ...(only.hasClient ? [] : [{ type: 'missing_oauth_client', id, owner }]),
    ...(only.hasAccessToken ? [] : [{ type: 'missing_access_token', id, owner }]),
    ...(only.inboundClientId === '' ? [{ type: 'missing_inbound_client_id', id, owner }] : []),
  ]
}
