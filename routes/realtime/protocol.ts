/** The words of the websocket: commands that clients send, and error frames. */
import type { Target } from '../../src/realtime/doctypes.ts'
import type { Frame } from '../../src/realtime/events.ts'
import { maxSubscriptions } from '../../src/realtime/session.ts'

export interface Command {
  /** As sent; empty when there is none. */
  readonly method: string
  readonly payload: unknown
  /** The whole message, given back with an error; `null` when it is no JSON. */
  readonly source: unknown
}

/** Anything is a command, perhaps one without a method. */
export function parseCommand(text: string): Command {
  let source: unknown = null
  try {
    source = JSON.parse(text)
  } catch {
    return { method: '', payload: undefined, source: null }
  }
  if (!isRecord(source)) return { method: '', payload: undefined, source }
  const { method, payload } = source
  return { method: typeof method === 'string' ? method : '', payload, source }
}

/** What a subscription is to; `undefined` when it names no doctype. An empty or absent id stands for the whole doctype. */
export function targetOf({ payload }: Command): Target | undefined {
  if (!isRecord(payload)) return undefined
  const { type, id } = payload
  if (typeof type !== 'string' || type === '') return undefined
  if (id === undefined || id === null || id === '') return { type }
  return typeof id === 'string' ? { type, id } : undefined
}

/** The text of `AUTH`'s payload; `undefined` when it holds no token. */
export function tokenIn({ payload }: Command): string | undefined {
  return typeof payload === 'string' && payload !== '' ? payload : undefined
}

export function unauthorized(source: unknown): Frame {
  return error('401 Unauthorized', 'unauthorized', 'The authentication has failed', source)
}

export function forbidden(type: string, source: unknown): Frame {
  return error('403 Forbidden', 'forbidden', `The application can't subscribe to ${type}`, source)
}

export function unknownMethod({ method, source }: Command): Frame {
  return error('405 Method Not Allowed', 'method not allowed', `The ${method} method is not supported`, source)
}

export function missingType({ method, source }: Command): Frame {
  const title = `The type parameter is mandatory for ${method.toUpperCase()}`
  return error('404 Page Not Found', 'page not found', title, source)
}

export function tooMany({ source }: Command): Frame {
  const title = `A connection can have at most ${maxSubscriptions} subscriptions`
  return error('429 Too Many Requests', 'too many requests', title, source)
}

function error(status: string, code: string, title: string, source: unknown): Frame {
  return Buffer.from(JSON.stringify({ event: 'error', payload: { status, code, title, source } }))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
