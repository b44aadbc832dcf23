/** What listeners lead to: they open before there is something to serve, and stay open while the store is closed. */
import type { App } from '../app.ts'
import type { Fetch, ListenerName } from '../listeners.ts'

export interface Entrance {
  readonly fetch: (name: ListenerName) => Fetch
  /** Leads to an app, or to what answers while there is none. */
  lead(app: App | undefined): void
}

/** Leads to `starting` at first. */
export function newEntrance(starting: Fetch): Entrance {
  let apps: App['apps'] | undefined
  return {
    fetch: (name) => (request, env) => (apps?.[name] ?? starting)(request, env),
    lead(app) {
      apps = app?.apps
    },
  }
}
