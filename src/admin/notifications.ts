/** Notifications from the operator: documents of the instance, and messages to its owner by the channels that there are. */
import { randomBytes } from 'node:crypto'
import type { DocumentStore } from '../../storage/documents/contract.ts'
import { clientsDoctype } from '../auth/clients.ts'
import { editOf, revText, scanDocuments } from '../instances/own-documents.ts'
import type { Instance } from '../instances/service.ts'
import type { JobQueue } from '../jobs/service.ts'
import type { Triggers } from '../jobs/triggers.ts'
import type { Log } from '../log.ts'
import { Problem } from '../model/errors.ts'
import { stringifyJson } from '../model/json/exact.ts'
import type { Json, JsonObject } from '../model/json/value.ts'

const doctype = 'io.cozy.notifications'
const originator = 'cli'
const zeroDate = '0001-01-01T00:00:00Z'

/** The message. */
export interface NotificationOrder {
  readonly slug?: string | undefined
  readonly category: string
  readonly category_id: string
  readonly title: string
  readonly message: string
  readonly priority?: string | undefined
  readonly sound?: string | undefined
  readonly state?: Json | undefined
  readonly data?: JsonObject | undefined
  readonly content?: string | undefined
  readonly content_html?: string | undefined
  /** Channels to try, best first: `mobile`, `sms`, `mail`. */
  readonly preferred_channels?: readonly string[] | undefined
  /** RFC 3339: when to send it. */
  readonly at?: string | undefined
}

/** Properties of notifications of this category. */
export interface NotificationProperties {
  /** Nothing is sent while the state stays the same. */
  readonly stateful: boolean
  /** Nanoseconds; a notification that follows the last one sooner is not sent. */
  readonly minInterval: number
}

export interface Notifications {
  /**
   * Stores a notification and sends it. Resolves to the document; without `_id` when nothing was stored because the state
   * is the same. @throws Problem `invalid_parameter` for a time that cannot be read
   */
  create(instance: Instance, order: NotificationOrder, properties: NotificationProperties): Promise<JsonObject>
}

export interface NotificationsOptions {
  readonly store: DocumentStore
  readonly jobs: Pick<JobQueue, 'push'>
  readonly triggers: Pick<Triggers, 'create'>
  readonly log: Log
  readonly now?: () => number
}

export function openNotifications({ store, jobs, triggers, log, now = Date.now }: NotificationsOptions): Notifications {
  async function newest(prefix: string, source: string): Promise<JsonObject | undefined> {
    let found: JsonObject | undefined
    for await (const { value } of scanDocuments(store, { prefix, name: doctype })) {
      if (value['source_id'] !== source) continue
      if (found === undefined || String(value['created_at']) > String(found['created_at'])) found = value
    }
    return found
  }

  async function hasMobileClient(prefix: string): Promise<boolean> {
    for await (const { value } of scanDocuments(store, { prefix, name: clientsDoctype })) {
      if (value['notification_platform'] && value['notification_device_token']) return true
    }
    return false
  }

  /** Whether the channel accepted the message. */
  async function sendBy(channel: string, instance: Instance, order: NotificationOrder): Promise<boolean> {
    const detail = { instance: instance.domain, category: order.category, channel }
    switch (channel) {
      case 'mail':
        if (order.content_html) await sendMail(instance, order)
        return true
      case 'mobile':
        log.info(
          (await hasMobileClient(instance.prefix))
            ? 'a notification was not pushed: no push gateway is configured'
            : 'a notification was not pushed: no client of the owner takes any',
          detail,
        )
        return false
      default:
        log.info('a notification was not sent: this server does not have the channel', detail)
        return false
    }
  }

  async function sendMail({ prefix, domain }: Instance, order: NotificationOrder): Promise<void> {
    const parts = [
      ...(order.content ? [{ type: 'text/plain', body: order.content }] : []),
      { type: 'text/html', body: order.content_html ?? '' },
    ]
    const message = { mode: 'noreply', subject: order.title, parts }
    const tenant = { prefix, domain }
    if (order.at === undefined) await jobs.push({ tenant, worker: 'sendmail', message })
    else
      await triggers.create({
        tenant,
        type: '@at',
        worker: 'sendmail',
        arguments: order.at,
        message,
        debounce: '',
        options: null,
      })
  }

  return {
    async create(instance, order, { stateful, minInterval }) {
      if (order.at !== undefined && !isTime(order.at)) {
        throw new Problem('invalid_parameter', 'at must be a time such as 2024-01-04T15:23:01Z', {
          source: { pointer: '/notification/at' },
        })
      }
      const source = ['cozy', originator, order.slug ?? '', order.category, order.category_id].join('/')
      const last = await newest(instance.prefix, source)
      const isSame = stateful && last !== undefined && sameJson(last['state'], order.state)
      if (isSame) {
        const echo = { ...membersOf(order), preferred_channels: [...(order.preferred_channels ?? [])] }
        return { source_id: '', created_at: zeroDate, last_sent: zeroDate, ...echo }
      }
      const at = new Date(now()).toISOString()
      const isTooSoon =
        minInterval > 0 && last !== undefined && now() - Date.parse(String(last['created_at'])) < minInterval / 1e6
      const isQuiet = stateful && (order.state === false || order.state === 0)
      const value: JsonObject = {
        source_id: source,
        originator,
        ...membersOf(order),
        created_at: at,
        last_sent: isTooSoon ? (last?.['last_sent'] ?? at) : at,
      }
      const ref = { prefix: instance.prefix, name: doctype }
      await store.createDatabase(ref)
      const id = randomBytes(16).toString('hex')
      const [outcome] = await store.write([editOf({ ref, id, value })])
      if (outcome?.kind !== 'ok') throw new Problem('conflict', 'Document update conflict.')
      if (!isTooSoon && !isQuiet) await send(instance, order)
      return { _id: id, _rev: revText(outcome.rev), ...value }
    },
  }

  async function send(instance: Instance, order: NotificationOrder): Promise<void> {
    const wanted = order.preferred_channels ?? []
    const channels = wanted.includes('mail') ? wanted : [...wanted, 'mail']
    for (const channel of channels) if (await sendBy(channel, instance, order)) return
  }
}

/** What is stored of an order: channels and time are spent by sending. */
function membersOf(order: NotificationOrder): JsonObject {
  const { slug, category, category_id, title, message, priority, sound, state, data, content, content_html } = order
  const members = { slug, category, category_id, title, message, priority, sound, state, data, content, content_html }
  return Object.fromEntries(
    Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined && entry[1] !== ''),
  )
}

function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  return stringifyJson(left ?? null) === stringifyJson(right ?? null)
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text) && !Number.isNaN(Date.parse(text))
}
