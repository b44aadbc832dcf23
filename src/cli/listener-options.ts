/** The public listener, which one process or several open. */
import type { Fetch, ListenerOptions } from '../listeners.ts'

export function publicListener(place: { readonly host: string; readonly port: number }, fetch: Fetch): ListenerOptions {
  const websocketPaths = ['/realtime', '/move/importing/realtime']
  return { name: 'public', setting: 'port', ...place, fetch, websocketPaths }
}
