/** The error frames of a websocket, and why it is closed. */
import type { Frame } from '../../src/realtime/events.ts'
import { maxSubscriptions } from '../../src/realtime/session.ts'
import type { Command } from './request.ts'

/** Why a socket is closed (RFC 6455, section 7.4). */
export const closeCodes = { goingAway: 1001, noText: 1003, refused: 1008, failed: 1011, tryLater: 1013 } as const

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
