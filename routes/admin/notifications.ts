/** `POST /instances/DOMAIN/notifications`: tells the owner of an instance something. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../src/model/errors.ts'
import { isObject, type JsonObject } from '../../src/model/json/value.ts'
import { endpoint, type Face } from '../http/endpoint.ts'
import { json } from './answer.ts'
import { readObject } from './request.ts'
import type { AdminServices } from './services.ts'

const text = z.string()
const notification = z.object({
  slug: text.optional(),
  category: text.optional(),
  category_id: text.optional(),
  title: text.optional(),
  message: text.optional(),
  priority: text.optional(),
  sound: text.optional(),
  state: z.unknown().optional(),
  data: z.record(text, z.unknown()).nullish(),
  content: text.optional(),
  content_html: text.optional(),
  preferred_channels: z.array(text).nullish(),
  at: text.optional().describe('RFC 3339; sent then instead of now'),
})
const properties = z.object({
  description: text.optional(),
  collapsible: z.boolean().optional(),
  multiple: z.boolean().optional(),
  stateful: z.boolean().optional(),
  default_priority: text.optional(),
  time_to_live: z.number().optional().describe('Nanoseconds'),
  min_interval: z.number().optional().describe('Nanoseconds'),
  templates: z.record(text, text).nullish(),
})
const body = z.object({ notification, properties })

const answer = z.object({
  _id: text.optional().describe('Absent when the state was the same as before: nothing is stored or sent'),
  _rev: text.optional(),
  source_id: text,
  originator: text.optional(),
  category: text.optional(),
  category_id: text.optional(),
  created_at: text,
  last_sent: text,
  title: text.optional(),
  message: text.optional(),
  priority: text.optional(),
  state: z.unknown().optional(),
  content: text.optional(),
  content_html: text.optional(),
  contentHTML: text.optional().describe('The same as content_html'),
})

export function notificationRoute(
  face: Face,
  { instances, notifications }: Pick<AdminServices, 'instances' | 'notifications'>,
): void {
  endpoint(
    face,
    {
      method: 'POST',
      path: '/instances/{domain}/notifications',
      summary: 'Tell the owner of an instance something',
      tag: 'notifications',
      needs: 'the admin passphrase',
      body,
      answers: {
        201: answer,
        400: 'The body is not a JSON object',
        404: 'No such instance',
        422: 'A member is missing or of another type; not a domain',
      },
    },
    async (c, { path }) => {
      const instance = await instances.find(path.domain)
      const message = await readObject(c)
      for (const name of ['notification', 'properties']) {
        if (!isObject(message[name])) throw wrong(name, `${name} must be an object`)
      }
      const checked = body.safeParse(message)
      if (!checked.success) {
        const [issue] = checked.error.issues
        throw wrong(issue?.path.join('/') ?? '', `${issue?.path.join('.')}: ${issue?.message}`)
      }
      const { notification: order, properties: said } = checked.data
      // Numbers in state and data are kept as they were written.
      const { state, data } = message['notification'] as JsonObject
      const made = await notifications.create(
        instance,
        {
          ...order,
          category: order.category ?? '',
          category_id: order.category_id ?? '',
          title: order.title ?? '',
          message: order.message ?? '',
          state,
          data: isObject(data) ? data : undefined,
          preferred_channels: order.preferred_channels ?? [],
        },
        { stateful: said.stateful === true, minInterval: said.min_interval ?? 0 },
      )
      const html = made['content_html']
      return json(201, html === undefined ? made : { ...made, contentHTML: html })
    },
  )
}

function wrong(place: string, reason: string): Problem {
  return new Problem('invalid_parameter', reason, { source: { pointer: `/${place}` } })
}
