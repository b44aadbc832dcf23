/** The commands that clients send on a websocket. */
import type { Target } from '../../src/realtime/doctypes.ts'

export interface Command {
  /** As sent; empty when there is none. */
  readonly method: string
  readonly payload: unknown
  /** The whole message, given back with an error; `null` when it is not JSON. */
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
